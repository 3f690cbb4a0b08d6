"""What the list of models says of them."""

from dataclasses import replace

from fakes import BRIGHT
from PySide6.QtCore import Qt

from segstudio.runs.ui.model_chooser import ModelItems, family_purpose


def test_the_tip_of_a_model_says_what_its_family_is_good_for(qapp):
    unet = replace(BRIGHT, id="u", family="unet", description="Nuclei in tissue.")
    other = replace(BRIGHT, id="o", family="something", description="Of a plug-in.")
    items = ModelItems({"u": unet, "o": other}, frozenset({"u", "o"}), qapp)
    tips = {
        item.data(Qt.ItemDataRole.UserRole): item.toolTip()
        for row in range(items.rowCount())
        if (item := items.item(row)).data(Qt.ItemDataRole.UserRole)
    }
    good_for = "U-Net: Fine detail from few training images: cells, tissue, roads, thin structures."
    assert family_purpose("unet") == good_for
    assert good_for in tips["u"].replace("\n", " ")
    assert "Nuclei in tissue." in tips["u"]
    assert ":" not in tips["o"].replace("Of a plug-in.", "")
