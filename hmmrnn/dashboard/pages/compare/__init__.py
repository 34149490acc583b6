"""Networks side by side: any two to sixty, in one table and in three figures."""
