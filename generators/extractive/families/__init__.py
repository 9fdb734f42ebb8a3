"""The families of facts: each module finds one kind of statement and fills the slots of its question forms."""
