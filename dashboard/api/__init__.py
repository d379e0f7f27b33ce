"""The screens for programs: what `/api/v1/` and `./dialtap ask` read and do, one table for both."""
