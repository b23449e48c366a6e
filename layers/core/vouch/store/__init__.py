"""The only place that knows tables and keys: one file of reads and transactions per noun."""
