"""Ready networks for images, sequences and text, to train as they are or to start from.

Each function checks its arguments and returns a new `Network` of plain layers, untrained: `net.layers` is the list to
change, or to give to `NetworkClassifier`. Nothing here is a layer of its own, and no weights are downloaded.

Examples
--------
>>> from descend import networks
>>> net = networks.lenet((28, 28, 1), 10)
>>> net.output_shape
(10,)
"""

from descend.networks.images import lenet, small_cnn, small_resnet
from descend.networks.sequences import sequence_cnn, sequence_lstm
from descend.networks.text import text_average, text_rnn

__all__ = ["lenet", "sequence_cnn", "sequence_lstm", "small_cnn", "small_resnet", "text_average", "text_rnn"]
