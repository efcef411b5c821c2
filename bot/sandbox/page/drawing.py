"""From nodes to HTML as plain text."""

from htpy import Node, fragment


def html(node: Node) -> str:
    """
    The HTML of a node. htpy gives `Markup`, which would escape whatever plain text is later joined
    to it, in NiceGUI's template for one; joined here it is an ordinary string.
    """
    return "".join([str(fragment[node])])
