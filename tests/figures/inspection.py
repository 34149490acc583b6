"""What is in a figure: traces by name, axes, contrast of colours."""

import numpy as np
import plotly.graph_objects as go


def named(figure: go.Figure, name: str):
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1, f"{name!r} among {[trace.name for trace in figure.data]}"
    return found[0]


def names(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data]


def axes_of(figure: go.Figure) -> dict[str, dict]:
    """The axes that a trace uses and that are seen, by name, as Plotly would draw them."""
    layout = figure.to_plotly_json()["layout"]
    used = set()
    for trace in figure.data:
        for axis in ("x", "y"):
            used.add(f"{axis}axis{(getattr(trace, f'{axis}axis') or axis)[1:]}")
    return {name: layout.get(name, {}) for name in sorted(used) if layout.get(name, {}).get("visible", True)}


def contrast(one: str, other: str) -> float:
    """Ratio of two colours' relative luminance, as WCAG 2 defines it."""
    lights = []
    for colour in (one, other):
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(lights) + 0.05) / (min(lights) + 0.05)
