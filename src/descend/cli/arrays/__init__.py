"""The command line on images and sequences: the counterpart of what the modules beside this package do for tables.

`preparing` (examples to encoded, split rows), `recipe` (network and settings), `training`, `bundle` (the model file),
`applying` (predict, evaluate), `describing` (what is printed).
"""
