"""The parts of a report: text is escaped, numbers are right, pictures are the given pixels."""

from __future__ import annotations

import base64
import io
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from markupsafe import Markup
from pages import outline
from PIL import Image

from segstudio.report.chart_data import Axis, Bars, ChartData, Corner, Points, Rule
from segstudio.report.charts import IntervalMark, IntervalScale, bar_list, chart_svg, ticks
from segstudio.report.page import Section, environment, page
from segstudio.report.pictures import blended, fitted, indexed_picture, photograph, picture
from segstudio.report.software import settings_text, versions, versions_text
from segstudio.report.tables import Cell, Table

NASTY = "<script>alert('\"&')</script>"
PARTS = environment().get_template("report/templates/parts.html.j2").module


def pixels_of(markup):
    data = re.search(r'src="data:image/png;base64,([^"]+)"', markup).group(1)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_text_is_escaped_and_markup_is_not():
    made = environment().from_string('<p title="{{ text }}">{{ text }}{{ inner }}{{ name }}</p>')
    inner = Markup("<b>a &lt; b</b>")
    assert made.render(text=NASTY, inner=inner, name="\x1b[2J") == (
        '<p title="&lt;script&gt;alert(&#x27;&quot;&amp;&#x27;)&lt;/script&gt;">'
        "&lt;script&gt;alert(&#x27;&quot;&amp;&#x27;)&lt;/script&gt;<b>a &lt; b</b>\\x1b[2J</p>"
    )


def test_attributes_without_a_value_are_left_out():
    made = environment().from_string(
        "<td{{ [('class', 'x'), ('style', ''), ('title', t)]|attributes }}>"
    )
    assert made.render(t='"<') == '<td class="x" title="&quot;&lt;">'


def test_a_page_holds_its_sections_and_nothing_from_elsewhere():
    sections = [
        Section("one", f"First {NASTY}", Markup("<p>text</p>")),
        Section(
            "two", "Second", Markup("<details><summary>more<span>3</span></summary></details>")
        ),
    ]
    text = page(NASTY, [NASTY], "under it", sections, [("0.9", "IoU")])
    found = outline(text)
    assert text.startswith("<!DOCTYPE html>")
    assert found.anchors == ["one", "two"]
    assert [found.links[a] for a in ("#one", "#two")] == [f"First {NASTY}", "Second"]
    assert found.texts("h1") == [NASTY]
    assert found.texts("summary") == ["more3"]
    assert found.external == []
    assert found.tags.count("script") == 0
    assert "default-src 'none'" in found.policy
    assert f"{NASTY} under it" in found.texts("p")
    assert found.texts("span") == ["IoU", "3"]
    assert ":root { color-scheme: light dark;" in found.texts("style")[0]


def test_a_table_aligns_numbers_and_shows_shares():
    rows = [("a<b", Cell("5", 0.5)), ("all", "10")]
    root = ET.fromstring(PARTS.table(Table(("name", "n"), rows, numbers=(1,), strong=(1,))))
    rows = root.findall(".//tbody/tr")
    assert [[cell.text for cell in row] for row in rows] == [["a<b", "5"], ["all", "10"]]
    assert rows[0][1].get("class") == "number bar"
    assert rows[0][1].get("style") == "background-size:50.0% 3px"
    assert rows[1].get("class") == "strong"
    assert root.findall(".//th")[1].get("class") == "number"
    with pytest.raises(ValueError, match="cells"):
        Table(("one", "two"), [("only",)])


def test_a_legend_names_colours():
    assert not PARTS.legend([])
    made = PARTS.legend([((1, 2, 3), "sky & sea")], "Classes")
    assert "rgb(1,2,3)" in made
    assert "sky &amp; sea" in made


def test_a_picture_is_the_given_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    made = picture(pixels, "a & b")
    np.testing.assert_array_equal(np.array(pixels_of(made)), pixels)
    assert 'width="7" height="5" alt="a &amp; b" class="crisp"' in made
    assert pixels_of(picture(np.zeros((100, 50, 3), np.uint8), "", longest=40)).size == (20, 40)
    np.testing.assert_array_equal(fitted(pixels, 7), pixels)


def test_an_indexed_picture_has_its_colours_and_a_hole():
    palette = np.zeros((256, 3), np.uint8)
    palette[3], palette[200] = (10, 20, 30), (1, 1, 1)
    found = pixels_of(indexed_picture(np.array([[3, 200]], np.uint8), palette, "", transparent=200))
    assert found.mode == "P"
    rgba = np.array(found.convert("RGBA"))
    np.testing.assert_array_equal(rgba[0], [[10, 20, 30, 255], [1, 1, 1, 0]])


def test_codes_are_blended_by_their_opacity():
    table_ = np.zeros((256, 4), np.uint8)
    table_[1] = (255, 0, 100, 51)  # a fifth
    photo = np.full((1, 2, 3), 100, np.uint8)
    found = blended(photo, np.array([[0, 1]], np.uint8), table_)
    np.testing.assert_array_equal(found[0], [[100, 100, 100], [131, 80, 100]])


def test_a_figure_has_its_caption():
    one, two = (ET.fromstring(PARTS.figure(Markup("<i>1</i>"), text)) for text in ("a<", ""))
    assert (one.findtext("figcaption"), two.find("figcaption")) == ("a<", None)


def test_bars_are_as_long_as_their_values():
    bars = [
        (name, [(value, "", "")], "") for name, value in (("a", 1), ("b", 0.5), ("c", math.nan))
    ]
    root = ET.fromstring(chart_svg(bar_list("t", bars)))
    lengths = [float(rect.get("width")) for rect in root.findall("rect")]
    assert len(lengths) == 2
    assert lengths[0] == pytest.approx(2 * lengths[1], rel=1e-4)
    assert {"a", "b", "c"} <= {text.text for text in root.findall("text")}


def test_parts_of_a_bar_follow_each_other_and_losses_go_left():
    bars = [("a", [(1, "red", "x"), (3, "blue", "y")], "4"), ("b", [(-2, "red", "")], "\u22122")]
    root = ET.fromstring(chart_svg(bar_list("t", bars)))
    first, second, loss = root.findall("rect")
    left, width = (float(first.get(name)) for name in ("x", "width"))
    assert float(second.get("x")) == pytest.approx(left + width, abs=0.01)
    assert float(second.get("width")) == pytest.approx(3 * width, rel=1e-3)
    assert second.find("title").text == "y: 3"
    assert (first.get("fill"), second.get("fill")) == ("red", "blue")
    assert float(loss.get("x")) + float(loss.get("width")) == pytest.approx(left, abs=0.01)
    assert float(loss.get("width")) == pytest.approx(2 * width, rel=1e-3)
    ends = {text.text: float(text.get("x")) for text in root.findall("text")}
    assert ends["\u22122"] < float(loss.get("x"))
    assert ends["4"] > left + 4 * width


def points(x, y, name="", **look):
    return Points(name, "#0072b2", np.array(x, float), np.array(y, float), **look)


def test_points_lie_where_the_axes_say():
    layers = (
        points([0, 1, 0.5], [0, 1, math.nan], tips=["low", "high", "none"]),
        points([0.5], [0.25]),
    )
    legend = (("#0072b2", "o", "one"), ("", "o", "two"))
    rules = (Rule((0.0, 0.0), (1.0, 1.0)),)
    chart = ChartData("t", Axis("across"), Axis("up"), layers, rules, legend)
    root = ET.fromstring(chart_svg(chart, (640, 382)))
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in root.findall("circle")]
    # the plot's area is 56..624 across and 316..12 up
    assert dots[:3] == [(56, 316), (624, 12), (340, 240)]
    assert all(y > 360 for _, y in dots[3:])  # of the legend
    assert root.find("circle/title").text == "low"
    texts = {text.text for text in root.findall("text")}
    assert {"across", "up", "one", "two", "0.2", "0.8"} <= texts
    diagonal = next(line for line in root.findall("line") if line.get("stroke-dasharray"))
    assert [float(diagonal.get(k)) for k in ("x1", "y1", "x2", "y2")] == [56, 316, 624, 12]


def test_upright_bars_notes_and_rings_are_drawn():
    share = Bars("s", "#d55e00", np.array([0.5]), np.array([0.25]), 0.1, upright=True, opacity=0.25)
    dots = points([0.2, 0.8], [0.5, 0.5], hollow=np.array([True, False]))
    names = ((0.0, "0 to 1\nn = 5"),)
    chart = ChartData(
        "t", Axis("", ticks=names), Axis(""), (share, dots), notes=(("red", "first"), ("", "last")),
        corner=Corner.LOWER_LEFT,
    )  # fmt: skip
    root = ET.fromstring(chart_svg(chart, (640, 361)))
    bar = root.find("rect")
    # the plot is 568 x 290: its height less a second line of names
    assert (float(bar.get("width")), float(bar.get("height"))) == (56.8, 72.5)
    assert bar.get("opacity") == "0.25"
    discs = [disc.get("fill") for disc in root.findall("circle")]
    assert discs == ["#0072b2", "var(--paper)", "#0072b2"]
    places = {text.text: float(text.get("y")) for text in root.iter("text")}
    assert places["n = 5"] == places["0 to 1"] + 15
    assert places["first"] == places["last"] - 15
    assert [rect.get("fill") for rect in root.findall("rect")] == ["#d55e00", "red"]


def test_a_missing_value_breaks_a_line():
    line = points(range(6), [0, 1, math.nan, 1, 0, 1], "s", line="solid", symbol="")
    root = ET.fromstring(chart_svg(ChartData("t", Axis("", 0, 5), Axis(""), (line,))))
    pieces = root.find("g")
    assert pieces.find("title").text == "s"
    first, second = (float(pieces.find("line").get(name)) for name in ("x1", "x2"))
    assert (first, second) == (56, pytest.approx(56 + 568 / 5))
    assert re.sub(r"[\d. ]", "", pieces.find("path").get("d")) == "MLL"


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.05, 0.31, [0.1, 0.2, 0.3]),
        (-3, 4, [-2, 0, 2, 4]),
        (0, 1200, [0, 500, 1000]),
        (2, 2, [2]),
    ],
)
def test_ticks_are_round(low, high, wanted):
    assert ticks(low, high) == wanted


def test_points_of_a_line_are_marked_where_asked():
    def drawn(symbol):
        line = points([0, 1, 2], [0, 1, math.nan], "its tip", line="solid", symbol=symbol)
        return ET.fromstring(chart_svg(ChartData("t", Axis("", 0, 2), Axis(""), (line,))))

    assert [len(drawn(symbol).findall("circle")) for symbol in ("", "o")] == [0, 2]
    assert "its tip" in {title.text for title in drawn("").iterfind("line/title")}


def test_a_photograph_is_nearly_the_given_pixels():
    rows, columns = np.mgrid[0:40, 0:60]
    pixels = np.stack([rows * 6, columns * 4, np.full_like(rows, 90)], axis=-1).astype(np.uint8)
    made = photograph(pixels, "a & b")
    data = re.search(r'src="data:image/jpeg;base64,([^"]+)"', made).group(1)
    found = np.array(Image.open(io.BytesIO(base64.b64decode(data))), np.int32)
    assert np.abs(found - pixels).mean() < 2
    assert 'width="60" height="40" alt="a &amp; b"' in made
    assert 'width="30" height="20"' in photograph(pixels, "", longest=30)


def test_intervals_share_a_scale_with_zero():
    ranges = [IntervalMark(0.5, 0.0, 1.0), IntervalMark(-1, -1.5, -0.5, stands_out=True, tip="t")]
    scale = IntervalScale(ranges)
    strips = [ET.fromstring(scale.strip(r)) for r in ranges]
    zeros = {float(s.find("line").get("x1")) for s in strips}
    assert len(zeros) == 1
    zero = zeros.pop()
    first, second = (float(s.find("circle").get("cx")) for s in strips)
    # -1 is twice as far left of zero as 0.5 is right of it
    assert zero - second == pytest.approx(2 * (first - zero), rel=1e-3)
    low, high = (float(strips[0].findall("line")[1].get(k)) for k in ("x1", "x2"))
    assert (low, (low + high) / 2) == (pytest.approx(zero), pytest.approx(first, abs=0.01))
    assert strips[1].find("title").text == "t"
    colors = [s.find("circle").get("fill") for s in strips]
    assert colors[0] != colors[1]
    axis = {t.text: float(t.get("x")) for t in ET.fromstring(scale.axis()).findall("text")}
    assert axis["0"] == pytest.approx(zero, abs=0.01)
    assert axis["+1"] - zero == pytest.approx(2 * (first - zero), rel=1e-3)
    assert "\u22121" in axis


def test_an_unknown_interval_is_an_empty_strip():
    nan = math.nan
    scale = IntervalScale([IntervalMark(nan, nan, nan)])
    assert ET.fromstring(scale.strip(IntervalMark(nan, nan, nan))).find("circle") is None


def test_heat_is_stronger_for_more_and_blue_for_right():
    cells = [
        Cell("1", heat=1.0, tip="tip", is_right=True),
        Cell("2", heat=0.04),
        Cell("", heat=0.0),
        Cell("?", heat=math.nan),
    ]
    table = Table(["truth", *"abcd"], [["x", *cells]], caption="cap<", is_heat=True)
    root = ET.fromstring(PARTS.table(table))
    found = root.findall(".//td")
    assert found[0].get("style") == "background:rgba(0,114,178,0.900);color:#fff"
    assert found[1].get("style") == "background:rgba(213,94,0,0.180)"
    assert [cell.get("style") for cell in found[2:]] == [None, None]
    assert found[0].get("title") == "tip"
    assert root.findtext(".//caption") == "cap<"
    assert [th.text for th in root.findall(".//th")] == ["truth", *"abcd", "x"]


def test_sentences_and_long_names_may_break_in_cells():
    made = PARTS.content(Cell("a < b", look="prose"))
    assert made == '<span class="prose">a &lt; b</span>'
    assert PARTS.content(Cell("a", look="wrapped")) == '<span class="wrapped">a</span>'
    assert PARTS.content(Cell("a", look="code")) == "<code>a</code>"


def test_versions_are_told():
    named = versions()
    assert named["NumPy"] == np.__version__
    assert f"NumPy {np.__version__}" in versions_text()
    assert settings_text({"a": 1, "b": None, "c": "x"}) == "a 1, c x"
    assert settings_text({}) == "none"
