"""`./dialtap watch`: the live calls on a terminal's whole screen, with sngrep's keys (extra `tui`).

`sources` asks, over HTTP without Django or this machine's database with it; `rows` keeps calls where they are; `lines` and `screens` draw. Nothing here
knows a table.
"""
