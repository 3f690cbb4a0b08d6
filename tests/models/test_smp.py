"""Networks of segmentation_models_pytorch, opened from the files that people have of them."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from segmenters import shapes_of
from slow_cases import few

from segstudio.core.errors import SegstudioError
from segstudio.models.families.smp import ARCHITECTURES, smp_network
from segstudio.models.preprocess import Preprocess
from segstudio.models.recognition import recognise
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import Segmenter

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import segmentation_models_pytorch as smp

SIDE = 64


def reference(arch, encoder="resnet18", **options):
    """smp's own network with random weights and statistics that are not 0 and 1."""
    torch.manual_seed(7)
    network = getattr(smp, arch)(encoder, encoder_weights=None, **options)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def on_meta(arch, encoder, **options):
    with torch.device("meta"):
        return getattr(smp, arch)(encoder, encoder_weights=None, **options)


def answers_alike(spec, theirs, side=SIDE):
    torch.manual_seed(1)
    x = torch.rand(1, 3, side, side)
    with torch.inference_mode():
        expected = theirs(x)
        ours = Segmenter(spec, device="cpu").network(x)
    assert float(expected.std()) > 1e-3
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


FILES = [
    ("Unet", "resnet18", {"classes": 6}),
    ("Unet", "mobilenet_v2", {"classes": 2, "decoder_attention_type": "scse"}),
    ("UnetPlusPlus", "resnet18", {"classes": 3, "decoder_channels": (64, 32, 32, 16, 8)}),
    ("MAnet", "resnet18", {"classes": 2, "decoder_pab_channels": 16}),
    ("Linknet", "resnet18", {"classes": 2}),
    ("FPN", "resnet18", {"classes": 4, "decoder_merge_policy": "cat"}),
    ("PSPNet", "resnet18", {"classes": 2, "psp_out_channels": 64}),
    ("DeepLabV3", "mobilenet_v2", {"classes": 2, "decoder_channels": 32}),
    ("DeepLabV3Plus", "mobilenet_v2", {"classes": 5, "decoder_channels": 64}),
    ("UPerNet", "resnet18", {"classes": 2, "decoder_channels": 64}),
]


@pytest.mark.parametrize(("arch", "encoder", "options"), few(FILES, 1))
def test_a_state_dict_opens_and_answers_as_smp_does(tmp_path, arch, encoder, options):
    theirs = reference(arch, encoder, **options)
    path = tmp_path / "mine.pth"
    torch.save(theirs.state_dict(), path)
    spec = spec_from_weights(path)
    assert (spec.family, spec.options["arch"], spec.options["encoder"]) == ("smp", arch, encoder)
    assert spec.schema.num_classes == options["classes"]
    assert spec.preprocess["divisor"] == theirs.encoder.output_stride
    assert spec.preprocess["mean"] == [0.485, 0.456, 0.406]
    answers_alike(spec, theirs)


def test_pan_answers_as_smp_does(tmp_path):
    """It pools a sixteenth of the image three times more."""
    theirs = reference("PAN", classes=2)
    torch.save(theirs.state_dict(), tmp_path / "pan.pth")
    answers_alike(spec_from_weights(tmp_path / "pan.pth"), theirs, side=128)


@pytest.mark.slow
def test_dpt_answers_as_smp_does_and_takes_other_sizes(tmp_path):
    theirs = reference("DPT", "tu-vit_tiny_patch16_224", classes=3, decoder_fusion_channels=32,
                       decoder_intermediate_channels=(16, 16, 32, 32))  # fmt: skip
    torch.save(theirs.state_dict(), tmp_path / "dpt.pth")
    spec = spec_from_weights(tmp_path / "dpt.pth")
    assert spec.preprocess["divisor"] == 32
    answers_alike(spec, theirs, side=224)
    with torch.inference_mode():
        other = Segmenter(spec, device="cpu").network(torch.rand(1, 3, 64, 96))
    assert other.shape == (1, 3, 64, 96)


@pytest.mark.parametrize("depth", few([3, 4], 1))
@pytest.mark.parametrize(
    "encoder", few(["resnet34", "efficientnet-b0", "tu-resnet18", "tu-mobilenetv3_large_100"], 1)
)
def test_encoders_of_less_depth(encoder, depth):
    channels = (64, 32, 16, 8)[:depth]
    network = on_meta("Unet", encoder, encoder_depth=depth, decoder_channels=channels)
    _, found = recognise(shapes_of(network), "w.pth")
    assert found.options["encoder"] == encoder
    assert found.options["encoder_depth"] == depth
    assert found.options["decoder_channels"] == list(channels)
    assert found.preprocess["divisor"] == 2**depth


def test_an_encoder_of_vgg_has_a_centre_block():
    network = on_meta("Unet", "vgg11_bn", classes=2)
    assert recognise(shapes_of(network), "w.pth")[1].options["encoder"] == "vgg11_bn"


@pytest.mark.parametrize("norm", [False, {"type": "instancenorm", "affine": True}])
@pytest.mark.parametrize("arch", few(["Unet", "UnetPlusPlus", "Linknet"], 1))
def test_the_normalisation_of_the_decoder_is_told(arch, norm):
    network = on_meta(arch, "resnet18", decoder_use_norm=norm)
    assert recognise(shapes_of(network), "w.pth")[1].options["decoder_use_norm"] == norm


def test_a_lightning_checkpoint_with_a_tensor_of_its_loss(tmp_path):
    theirs = reference("Unet", classes=2, aux_params={"classes": 3})
    state = {f"model.{k}": v for k, v in theirs.state_dict().items()}
    path = tmp_path / "epoch=3.ckpt"
    torch.save(
        {"state_dict": {**state, "loss.weight": torch.ones(2)}, "epoch": 3,
         "hyper_parameters": {"lr": 1e-3}}, path,
    )  # fmt: skip
    spec = spec_from_weights(path)
    assert spec.options["aux_classes"] == 3
    x = torch.rand(1, 3, SIDE, SIDE)
    with torch.inference_mode():  # the masks alone, without what is said of the whole image
        ours = Segmenter(spec, device="cpu").network(x)
        torch.testing.assert_close(ours, theirs(x)[0], atol=1e-4, rtol=0)


@pytest.fixture
def smp_folder(tmp_path):
    """A DeepLabV3+ with rates that no tensor tells."""
    theirs = reference("DeepLabV3Plus", "mobilenet_v2", classes=3, decoder_channels=32,
                       decoder_atrous_rates=(2, 4, 6), encoder_output_stride=8)  # fmt: skip
    folder = tmp_path / "roads"
    theirs.save_pretrained(folder)
    return folder, theirs


@pytest.mark.parametrize("opened", ["", "model.safetensors"])
def test_a_folder_of_save_pretrained_says_what_tensors_do_not(smp_folder, opened):
    folder, theirs = smp_folder
    spec = spec_from_weights(folder / opened if opened else folder)
    assert (spec.id, spec.title) == ("roads", "DeepLabV3+ mobilenet_v2 (roads)")
    assert spec.options["decoder_atrous_rates"] == [2, 4, 6]
    assert "Taken as is usual" not in spec.description
    assert spec.preprocess["divisor"] == 8
    answers_alike(spec, theirs)


def test_images_of_any_size_run_padded_to_the_stride(smp_folder):
    """smp itself refuses 50 x 70 pixels."""
    folder, _ = smp_folder
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    prediction = Segmenter(spec_from_weights(folder), device="cpu").predict(pixels)
    assert prediction.labels.shape == (50, 70)


def test_a_folder_whose_weights_are_others_lists_what_differs(smp_folder):
    folder, _ = smp_folder
    other = reference("DeepLabV3Plus", "mobilenet_v2", classes=4, decoder_channels=32)
    save_file(other.state_dict(), folder / "model.safetensors")
    message = r"2 tensors differ.*segmentation_head\.0\.weight \(4, 32, 1, 1\) instead of \(3, 32"
    with pytest.raises(SegstudioError, match=message):
        spec_from_weights(folder)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(SegstudioError, match=r"folder without config\.json and model\.safetensors"):
        spec_from_weights(tmp_path)


def test_encoders_that_are_not_free_are_refused_with_the_reason(tmp_path):
    mit = {"encoder.patch_embed1.proj.weight": (32, 3, 7, 7), "segmentation_head.0.weight": (2, 16, 3, 3),
           "decoder.blocks.0.conv1.0.weight": (256, 416, 3, 3)}  # fmt: skip
    with pytest.raises(SegstudioError, match=r"NVIDIA allows the MiT encoders .* research only"):
        recognise(mit, "w.pth")
    mobile = on_meta("Unet", "mobileone_s1")
    with pytest.raises(SegstudioError, match="MobileOne encoders have a licence of Apple's own"):
        recognise(shapes_of(mobile), "w.pth")
    with pytest.raises(ValueError, match="mit_b0 is not built: NVIDIA"):
        smp_network("Unet", "mit_b0")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"_model_class": "Segformer", "encoder_name": "mit_b2"})
    )
    save_file({"a": torch.ones(1)}, folder / "model.safetensors")
    with pytest.raises(SegstudioError, match="research only"):
        spec_from_weights(folder)


def test_an_unknown_encoder_says_how_to_save_it():
    shapes = shapes_of(on_meta("Unet", "resnet18"))
    shapes["encoder.layer9.weight"] = (3, 3)
    with pytest.raises(
        SegstudioError, match=r"w\.pth is a U-Net of segmentation_models_pytorch, but none"
    ):
        recognise(shapes, "w.pth")


def test_what_no_tensor_tells_is_asked():
    """timm's conversions from TensorFlow pad otherwise, and have the same tensors."""
    network = on_meta("Unet", "tu-tf_efficientnet_b0", classes=2)
    _, found = recognise(shapes_of(network), "w.pth")
    asked = [(q.option, q.choices, q.default) for q in found.questions]
    usual = "tu-efficientnet_b0"
    assert asked == [
        ("encoder", (usual, "tu-tf_efficientnet_b0"), usual),
        ("decoder_interpolation", ("nearest", "bilinear"), "nearest"),
    ]


@pytest.mark.parametrize(
    ("arch", "option", "answer"),
    [
        ("Unet", "decoder_interpolation", "bilinear"),
        ("DeepLabV3Plus", "encoder_output_stride", "8"),
    ],
)
def test_answers_are_followed(tmp_path, arch, option, answer):
    told = int(answer) if answer.isdigit() else answer
    theirs = reference(arch, classes=2, **{option: told})
    path = tmp_path / "mine.pth"
    torch.save(theirs.state_dict(), path)
    answers_alike(spec_from_weights(path, answers={option: answer}), theirs)


def test_a_config_with_sigmoid_has_each_class_alone(tmp_path):
    theirs = reference("Unet", classes=3, activation="sigmoid")
    theirs.save_pretrained(tmp_path / "net")
    spec = spec_from_weights(tmp_path / "net")
    assert spec.output.kind == "sigmoid"
    assert spec.schema.ids == (0, 1, 2, 3)  # and the background
    x = torch.rand(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        logits = Segmenter(spec, device="cpu").network(x)
        torch.testing.assert_close(logits.sigmoid(), theirs(x), atol=1e-4, rtol=0)


def with_transform(folder, *steps):
    """The transform as albumentations saves it beside the weights."""
    told = {"__version__": "1.4.24", "transform": {"__class_fullname__": "Compose", "p": 1.0,
            "transforms": [*steps, {"__class_fullname__": "ToTensorV2", "p": 1.0}]}}  # fmt: skip
    (folder / "albumentations_config_eval.json").write_text(json.dumps(told), encoding="utf-8")
    return spec_from_weights(folder)


def test_the_transform_saved_beside_the_weights_says_how_images_are_prepared(smp_folder):
    folder, _ = smp_folder
    resize = {"__class_fullname__": "Resize", "height": 384, "width": 512, "interpolation": 1}
    raw = with_transform(folder, resize)
    assert raw.preprocess["size"] == [384, 512]
    assert (raw.preprocess["scaling"], raw.preprocess["mean"]) == ("none", [0.0])
    numbers = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7], "max_pixel_value": 255.0}
    normal = {"__class_fullname__": "albumentations.Normalize", **numbers}
    normed = with_transform(folder, normal)
    prepared = normed.preprocess
    assert (prepared["scaling"], prepared["mean"], prepared["std"]) == (
        "unit", [0.1, 0.2, 0.3], [0.5, 0.6, 0.7],
    )  # fmt: skip
    assert "its config.json" in normed.description
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    assert Segmenter(normed, device="cpu").predict(pixels).labels.shape == (40, 56)


def test_what_a_saved_transform_does_besides_is_said(smp_folder):
    folder, _ = smp_folder
    told = with_transform(folder, {"__class_fullname__": "CLAHE", "p": 1.0})
    assert "also says CLAHE, which is not done here" in told.description


def test_a_decoder_of_another_make_lists_keys_and_shapes():
    shapes = shapes_of(on_meta("Unet", "resnet18", classes=2))
    shapes["decoder.blocks.1.conv1.0.weight"] = (128, 300, 3, 3)
    message = (
        r"looks like a U-Net with the encoder resnet18, but 1 tensor differ.*"
        r"decoder\.blocks\.1\.conv1\.0\.weight \(128, 300, 3, 3\) instead of \(128, 384, 3, 3\)"
    )
    with pytest.raises(SegstudioError, match=message):
        recognise(shapes, "w.pth")


def test_channels_of_the_image():
    grey = recognise(shapes_of(on_meta("FPN", "resnet18", in_channels=1)), "w.pth")[1]
    assert grey.options["in_channels"] == 1
    assert grey.preprocess["channels"] == "grey"
    four = shapes_of(on_meta("Unet", "efficientnet-b0", in_channels=4))
    found = recognise(four, "w.pth")[1]
    assert found.options["in_channels"] == 4
    assert found.preprocess["channels"] == [1, 2, 3, 4]


def test_old_names_of_deeplabs_decoder(tmp_path):
    theirs = reference("DeepLabV3", "mobilenet_v2", classes=2, decoder_channels=16)
    old = {
        "decoder.aspp.": "decoder.0.",
        "decoder.conv.": "decoder.1.",
        "decoder.bn.": "decoder.2.",
    }
    state = {}
    for name, tensor in theirs.state_dict().items():
        begin = next((b for b in old if name.startswith(b)), "")
        state[old.get(begin, "") + name.removeprefix(begin)] = tensor
    torch.save(state, tmp_path / "old.pth")
    answers_alike(spec_from_weights(tmp_path / "old.pth"), theirs)


def test_old_names_of_timms_encoders(tmp_path):
    theirs = reference("Unet", "tu-regnetx_002", classes=2)
    state = {k.replace("encoder.model.", "encoder."): v for k, v in theirs.state_dict().items()}
    torch.save(state, tmp_path / "old.pth")
    spec = spec_from_weights(tmp_path / "old.pth")
    assert spec.options["encoder"] == "tu-regnetx_002"
    answers_alike(spec, theirs)


def test_a_file_cannot_give_the_encoder_options_of_its_own():
    """timm would download, or read any file, for some of them."""
    with pytest.raises(ValueError, match="has no option checkpoint_path"):
        smp_network("Unet", "tu-resnet18", checkpoint_path="/etc/passwd")
    with pytest.raises(ValueError, match="no encoder"):
        smp_network("Unet", "tu-hf-hub:somebody/net")
    with pytest.raises(ValueError, match="no architecture of smp"):
        smp_network("from_pretrained", "resnet18")
    with pytest.raises(ValueError, match="cannot build Unet with resnet19"):
        smp_network("Unet", "resnet19")


@pytest.mark.parametrize("arch", few(ARCHITECTURES, {"Unet", "Linknet", "UPerNet", "MAnet", "PAN"}))
def test_each_architecture_is_told_from_the_others(arch):
    """With its defaults; the encoder is another than in the other tests."""
    if arch == "DPT":
        network = on_meta(arch, "tu-deit_tiny_patch16_224")
    else:
        network = on_meta(arch, "efficientnet-b1", classes=2)
    family, found = recognise(shapes_of(network), "w.pth")
    assert (family.key, found.options["arch"]) == ("smp", arch)
    Preprocess.from_dict(dict(found.preprocess))
