"""A graph as text: a tree for the terminal, Mermaid for Markdown, dot for Graphviz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assetkit.display.picture import Arrow, Node


def tree_lines(nodes: Sequence[Node], arrows: Sequence[Arrow], *, ascii: bool = False) -> list[str]:
    r"""Set a graph as trees from its sources down; what was shown before is not opened again.

    >>> nodes = [Node(name="a"), Node(name="b"), Node(name="c")]
    >>> arrows = [
    ...     Arrow(source="a", target="b"),
    ...     Arrow(source="a", target="c"),
    ...     Arrow(source="b", target="c"),
    ... ]
    >>> print(*tree_lines(nodes, arrows, ascii=True), sep="\n")
    a
    |-- b
    |   `-- c
    `-- c
    """
    by_name = {node.name: node for node in nodes}
    children: dict[str, list[str]] = {node.name: [] for node in nodes}
    has_parent = set()
    for arrow in arrows:
        if arrow.source != arrow.target and arrow.target not in children[arrow.source]:
            children[arrow.source].append(arrow.target)
            has_parent.add(arrow.target)
    tree = _Tree(by_name, children, ("|-- ", "`-- ", "|   ") if ascii else ("├── ", "└── ", "│   "))
    roots = [node.name for node in nodes if node.name not in has_parent]
    for root in roots:
        tree.add(root)
    return tree.lines


class _Tree:
    def __init__(
        self,
        nodes: Mapping[str, Node],
        children: Mapping[str, Sequence[str]],
        joints: tuple[str, str, str],
    ) -> None:
        self.lines: list[str] = []
        self._nodes, self._children, self._joints = nodes, children, joints
        self._shown: set[str] = set()

    def add(self, root: str) -> None:
        """Append a root with all below it; a stack, since a graph may be deeper than Python's."""
        inner, last, through = self._joints
        stack = [(root, "", "")]
        while stack:
            name, joint, below = stack.pop()
            below_here = self._children[name]
            again = name in self._shown and bool(below_here)
            self._shown.add(name)
            self.lines.append(joint + self._label(name) + (" (above)" if again else ""))
            if again:
                continue
            for i, child in reversed(list(enumerate(below_here))):
                is_last = i == len(below_here) - 1
                step = "    " if is_last else through
                stack.append((child, below + (last if is_last else inner), below + step))

    def _label(self, name: str) -> str:
        node = self._nodes[name]
        words = (node.mark, node.name, node.badge, f"  {node.note}" if node.note else "")
        return " ".join(word for word in words if word)


def mermaid_text(nodes: Sequence[Node], arrows: Sequence[Arrow], *, down: bool = False) -> str:
    """Return a Mermaid flowchart, left to right or *down*; names are quoted: any is fine.

    >>> print(mermaid_text([Node(name="a/b")], []))
    flowchart LR
      n0["a/b"]
    """
    number = {node.name: f"n{i}" for i, node in enumerate(nodes)}
    lines = [f"flowchart {'TB' if down else 'LR'}"]
    for node in nodes:
        label = " ".join(word for word in (node.mark, node.name, node.badge) if word)
        lines.append(f'  {number[node.name]}["{_mermaid_escaped(label)}"]')
    for arrow in arrows:
        line = "-.->" if arrow.dashed else "-->"
        lines.append(f"  {number[arrow.source]} {line} {number[arrow.target]}")
    return "\n".join(lines)


def _mermaid_escaped(text: str) -> str:
    """Write all that Mermaid could read as markup as entity codes."""
    return "".join(
        char if char.isalnum() or char in " _/.-+~=?@|()●◐○✕▸…⊘‖" else f"#{ord(char)};"
        for char in text
    )


def dot_text(nodes: Sequence[Node], arrows: Sequence[Arrow], *, name: str = "assets") -> str:
    """Return a Graphviz digraph.

    >>> print(dot_text([Node(name="a"), Node(name="b")], [Arrow(source="a", target="b")]))
    digraph "assets" {
      rankdir=LR; node [shape=box, style=rounded];
      "a";
      "b";
      "a" -> "b";
    }
    """
    lines = [f"digraph {_quoted(name)} {{", "  rankdir=LR; node [shape=box, style=rounded];"]
    for node in nodes:
        note = f" [tooltip={_quoted(node.note)}]" if node.note else ""
        lines.append(f"  {_quoted(node.name)}{note};")
    for arrow in arrows:
        style = " [style=dashed]" if arrow.dashed else ""
        lines.append(f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)}{style};")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
