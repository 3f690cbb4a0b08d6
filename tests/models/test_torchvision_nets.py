import pytest
import torch
from slow_cases import few
from torchvision.models import detection, segmentation

from segstudio.models.families.maskrcnn import maskrcnn
from segstudio.models.families.torchvision_semantic import deeplabv3, fcn, lraspp
from segstudio.models.registry import registry, spec_from_weights
from segstudio.models.segmenter import Segmenter, resolve_builder


def shapes(model):
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("backbone", few(["mobilenet_v3_large", "resnet50", "resnet101"], 1))
@pytest.mark.parametrize("aux", [False, True])
def test_deeplab_has_torchvisions_tensors(backbone, aux):
    with torch.device("meta"):
        theirs = getattr(segmentation, f"deeplabv3_{backbone}")(
            weights=None, weights_backbone=None, aux_loss=aux
        )
        ours = deeplabv3(backbone, aux=aux)
    assert shapes(ours) == shapes(theirs)


@pytest.mark.parametrize(
    ("backbone", "builder"),
    [("resnet50", "maskrcnn_resnet50_fpn"), ("resnet50_v2", "maskrcnn_resnet50_fpn_v2")],
)
def test_maskrcnn_has_torchvisions_tensors(backbone, builder):
    with torch.device("meta"):
        theirs = getattr(detection, builder)(weights=None, weights_backbone=None)
        ours = maskrcnn(backbone)
    assert shapes(ours) == shapes(theirs)


def test_deeplab_gives_torchvisions_output():
    ours = deeplabv3("mobilenet_v3_large", 5).eval()
    theirs = segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=5, aux_loss=False
    ).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, 3, 64, 48)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x)["out"], theirs(x)["out"])


@pytest.mark.parametrize("backbone", ["resnet50", "resnet101"])
@pytest.mark.parametrize("aux", few([True, False], 1))
def test_fcn_has_torchvisions_tensors(backbone, aux):
    with torch.device("meta"):
        theirs = getattr(segmentation, f"fcn_{backbone}")(
            weights=None, weights_backbone=None, aux_loss=aux
        )
        ours = fcn(backbone, aux=aux)
    assert shapes(ours) == shapes(theirs)


def test_lraspp_has_torchvisions_tensors():
    with torch.device("meta"):
        theirs = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)
        ours = lraspp()
    assert shapes(ours) == shapes(theirs)


@pytest.mark.parametrize(
    "model_id", ["fcn-resnet50", "fcn-resnet101", "lraspp-mobilenetv3", "deeplabv3-resnet50"]
)
def test_published_numbers_of_parameters_are_those_of_the_networks(model_id):
    spec = registry()[model_id]
    with torch.device("meta"):
        network = resolve_builder(spec.builder)(**spec.options)
    assert sum(p.numel() for p in network.parameters()) == spec.metrics["num_params"]


def with_statistics(network):
    """Random weights, and statistics of batch norms that are not 0 and 1."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize(
    ("builder", "family", "classes", "aux"),
    [
        pytest.param("fcn_resnet50", "fcn", 5, True, marks=pytest.mark.slow),
        ("lraspp_mobilenet_v3_large", "lraspp", 3, None),
        pytest.param("deeplabv3_mobilenet_v3_large", "deeplab", 4, True, marks=pytest.mark.slow),
    ],
)
def test_a_file_of_torchvisions_reference_script_opens_and_answers_alike(
    tmp_path, builder, family, classes, aux
):
    options = {} if aux is None else {"aux_loss": aux}
    theirs = with_statistics(
        getattr(segmentation, builder)(
            weights=None, weights_backbone=None, num_classes=classes, **options
        )
    )
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": theirs.state_dict(), "epoch": 3}, path)
    spec = spec_from_weights(path)
    assert (spec.family, spec.schema.num_classes) == (family, classes)
    x = torch.rand(1, 3, 64, 48)
    with torch.inference_mode():
        ours = Segmenter(spec, device="cpu").network(x)["out"]
        torch.testing.assert_close(ours, theirs(x)["out"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("stride", [8, 16])
def test_small_deeplab_has_the_asked_output_stride(stride):
    model = deeplabv3(
        num_classes=2,
        aspp_channels=8,
        atrous_rates=(2, 3),
        reduced_tail=True,
        output_stride=stride,
    ).eval()
    with torch.inference_mode():
        features = model.backbone(torch.rand(1, 3, 64, 64))["out"]
        assert features.shape == (1, 480, 64 // stride, 64 // stride)
        assert model(torch.rand(1, 3, 40, 56))["out"].shape == (1, 2, 40, 56)


def test_small_maskrcnn_gives_instances_at_the_images_size():
    torch.manual_seed(0)
    model = maskrcnn("resnet18_small", 2, short_side=64, box_detections_per_img=7).eval()
    with torch.inference_mode():
        out = model([torch.rand(3, 32, 40)])[0]
    assert out["masks"].shape[1:] == (1, 32, 40)
    assert len(out["boxes"]) <= 7


@pytest.mark.parametrize(
    ("shape", "expected"), [((32, 40), (64, 80)), ((100, 90), (125, 112)), ((51, 64), (64, 80))]
)
def test_small_maskrcnn_only_enlarges(shape, expected):
    transform = maskrcnn("resnet18_small", 2, short_side=64, min_scale=1.25).eval().transform
    image, _ = transform.resize(torch.rand(3, *shape))
    assert image.shape == (3, *expected)


def test_small_maskrcnn_takes_training_crops_as_they_are():
    transform = maskrcnn("resnet18_small", 2).train().transform
    image = torch.rand(3, 20, 30)
    assert transform.resize(image)[0] is image


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="vgg"):
        deeplabv3("vgg")
    with pytest.raises(ValueError, match="vgg"):
        maskrcnn("vgg")
    with pytest.raises(ValueError, match="vgg"):
        fcn("vgg")
    with pytest.raises(ValueError, match="stride"):
        deeplabv3(output_stride=4)
