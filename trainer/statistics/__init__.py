"""What a difference between two systems is worth: intervals, tests, families of tests, and the sentence that they allow."""
