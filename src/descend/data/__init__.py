"""Data on its way to a network: reading tables, choosing the task, splitting, encoding.

Modules, in the order data passes: `reading` (file to text table), `cells` (text to numbers, dates, categories),
`kinds` (what each column is), `targets` (task and target), `splitting`, `columns` and `encoding` (table to float32).
Nothing here knows layers, engines or faces.
"""
