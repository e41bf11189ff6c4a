"""One person with several accounts: linking them, unlinking them, and what happens if an address is taken."""
