"""The style sheet of a report: light and dark by the reader's system, and for paper."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = """
--paper: #ffffff; --raised: #f6f7f9; --ink: #1b1f24; --quiet: #5b6470; --line: #dfe3e8;
--accent: #1f6feb; --bar: #7fb0f5; --warn: #9a5b00; --warn-paper: #fff6e5;
"""
_DARK: Final = """
--paper: #15181c; --raised: #1e2227; --ink: #e7eaee; --quiet: #9aa4b0; --line: #333a42;
--accent: #6aa5ff; --bar: #3f73bd; --warn: #f0b95c; --warn-paper: #2b2417;
"""

# Data colours that colour-blind readers tell apart (Okabe & Ito 2008); they never follow the theme.
SERIES: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")


def on_dark_screens(css: str) -> str:
    """CSS that holds where the reader's system is dark, and never on paper."""
    return f"@media screen and (prefers-color-scheme: dark) {{ {css} }}\n" if css else ""


STYLE: Final = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
{on_dark_screens(f":root {{ {_DARK} }}")}
* {{ box-sizing: border-box; }}
html {{ scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }}
body {{ margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5; font-size: 15px;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }}
main, header, footer {{ max-width: 1120px; margin: 0 auto; padding: 0 24px; }}
header {{ padding-top: 32px; }}
footer {{ padding: 24px; margin-top: 40px; border-top: 1px solid var(--line);
  color: var(--quiet); font-size: 13px; }}
h1 {{ font-size: 26px; line-height: 1.25; margin: 0 0 4px; }}
h2 {{ font-size: 19px; margin: 40px 0 8px; padding-top: 8px; }}
h3 {{ font-size: 15px; margin: 24px 0 6px; }}
h4 {{ font-size: 14px; margin: 14px 0 4px; }}
p {{ margin: 6px 0 12px; max-width: 80ch; }}
.subtitle, .hint, figcaption, caption {{ color: var(--quiet); }}
.hint {{ font-size: 14px; }}
a {{ color: var(--accent); }}
code {{ font-family: ui-monospace, "SF Mono", Consolas, Menlo, monospace; font-size: .88em; }}
nav {{ margin: 16px 0 0; font-size: 14px; display: flex; flex-wrap: wrap; gap: 4px 18px;
  border-bottom: 1px solid var(--line); padding-bottom: 12px; }}
nav a {{ text-decoration: none; }}
nav a:hover {{ text-decoration: underline; }}
.tiles {{ display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0 0; }}
.tile {{ background: var(--raised); border: 1px solid var(--line); border-radius: 8px;
  padding: 8px 12px; flex: 1 1 auto; }}
.tile b {{ display: block; font-size: 19px; white-space: nowrap; font-weight: 600; line-height: 1.3; }}
.tile span {{ color: var(--quiet); font-size: 13px; }}
.note {{ border-left: 3px solid var(--warn); background: var(--warn-paper); padding: 8px 12px;
  border-radius: 0 6px 6px 0; margin: 8px 0; max-width: 90ch; }}
.wide {{ overflow-x: auto; margin: 8px 0 16px; }}
table {{ border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; padding-bottom: 6px; font-size: 14px; }}
th, td {{ padding: 4px 10px 5px 0; text-align: left; vertical-align: middle;
  border-bottom: 1px solid var(--line); white-space: nowrap; }}
th {{ font-weight: 600; color: var(--quiet); font-size: 13px; vertical-align: bottom;
  white-space: normal; line-height: 1.25; }}
td.number, th.number {{ text-align: right; padding-left: 10px; }}
td.bar {{ background-image: linear-gradient(var(--bar), var(--bar)); background-repeat: no-repeat;
  background-position: right bottom; background-origin: content-box; }}
tr.strong td {{ font-weight: 600; }}
td .prose {{ display: block; white-space: normal; min-width: 270px; padding-left: 12px;
  color: var(--quiet); font-size: 13px; line-height: 1.35; }}
td .wrapped {{ display: block; white-space: normal; min-width: 150px; max-width: 340px; }}
td svg {{ display: block; }}
pre {{ background: var(--raised); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px 12px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }}
table.heat td {{ min-width: 46px; padding: 6px 6px; }}
table.heat tbody th {{ white-space: nowrap; vertical-align: middle; }}
.swatch {{ display: inline-block; width: 11px; height: 11px; border-radius: 3px;
  margin-right: 6px; border: 1px solid rgba(128,128,128,.5); vertical-align: -1px; }}
.legend {{ display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--quiet);
  margin: 4px 0 10px; }}
.pictures {{ display: grid; gap: 16px; margin: 10px 0 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--cell, 240px)), 1fr)); }}
figure {{ margin: 0; }}
figure img, figure svg {{ display: block; max-width: 100%; height: auto; border-radius: 4px; }}
.pictures figure img {{ width: 100%; }}
.pictures.columns {{ grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); }}
img.crisp {{ image-rendering: pixelated; }}
figcaption {{ font-size: 13px; margin-top: 4px; }}
figcaption b {{ color: var(--ink); font-weight: 600; }}
.diagram {{ border: 1px solid var(--line); border-radius: 8px;
  padding: 8px; overflow-x: auto; }}
.diagram svg {{ display: block; margin: 0 auto; max-width: 100%; height: auto; }}
details {{ border-top: 1px solid var(--line); padding: 6px 0; }}
details:last-of-type {{ border-bottom: 1px solid var(--line); }}
summary {{ cursor: pointer; font-weight: 600; }}
summary span {{ color: var(--quiet); font-weight: 400; margin-left: 8px; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0; }}
dt {{ color: var(--quiet); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
svg.chart {{ overflow: visible; }}
svg.chart text {{ fill: var(--ink); font-size: 12px; font-family: inherit; }}
svg.chart .quiet {{ fill: var(--quiet); }}
svg.chart .grid {{ stroke: var(--line); stroke-width: 1; }}
svg.chart .axis {{ stroke: var(--quiet); stroke-width: 1; }}
@media print {{
  :root {{ color-scheme: light; }}
  body {{ font-size: 12px; }}
  main, header, footer {{ max-width: none; padding: 0; }}
  .wide {{ overflow: visible; }}
  table, caption, th, td .prose {{ font-size: 9px; }}
  td .prose, td .wrapped {{ min-width: 110px; padding-left: 4px; }}
  th, td, td.number, th.number {{ padding: 3px 5px 4px 0; }}
  .pictures {{ grid-template-columns: repeat(4, 1fr); gap: 10px; }}
  nav {{ display: none; }}
  details::details-content {{ content-visibility: visible; height: auto; }}
  figure, tr, p {{ break-inside: avoid; }}
  h2, h3, h4, .hint, .legend, summary {{ break-after: avoid; }}
  * {{ -webkit-print-color-adjust: exact; print-color-adjust: exact; }}
}}
"""
