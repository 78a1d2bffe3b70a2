"""Data on its way to a network: reading tables, choosing the task, splitting, encoding.

Modules, in the order data passes: `reading` (file to text table), `cells` (text to numbers, dates, categories),
`kinds` (what each column is), `targets` (task and target), `splitting`, `columns` and `encoding` (table to float32).
Images and sequences go another way: `images` and `archives` (folders and `.npz` files to `examples`), then
`array_encoding` (to float32); `sources` tells which way a path goes.
Nothing here knows layers, engines or faces.
"""
