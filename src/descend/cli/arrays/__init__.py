"""The command line on images, sequences and texts: the counterpart of the modules beside this package for tables.

`preparing` (examples to encoded, split rows), `recipe` (network and settings), `training`, `bundle` (the model file),
`applying` (predict, evaluate), `describing` (what is printed).
"""
