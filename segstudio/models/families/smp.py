"""Networks of segmentation_models_pytorch (smp): any of its decoders on any of its encoders.

The library is imported when a network is built, not to tell what a file is.
"""

from __future__ import annotations

import functools
import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import Output, Question
from segstudio.core.text import listed
from segstudio.models.families import Found, Shapes, input_channels
from segstudio.models.published import IMAGENET_MEAN, IMAGENET_STD
from segstudio.resources import resource_path

if TYPE_CHECKING:
    from torch import nn

REFUSED: Final = {
    "mit_b": "NVIDIA allows the MiT encoders of SegFormer for research only",
    "mobileone": "the MobileOne encoders have a licence of Apple's own",
}
"""Encoders that are not built, by how their names in smp begin, and why."""
_OTHERS: Final = {
    "mit_b": "Train it with another encoder, or a SegFormer of the package transformers.",
    "mobileone": "Train it with timm's MobileOne, encoder_name='tu-mobileone_s0' to 's4'.",
}
_REFUSED_SIGNS: Final = {
    "mit_b": "encoder.patch_embed1.proj.weight",
    "mobileone": "encoder.stage0.rbr_conv.0.conv.weight",
}
_NAME: Final = re.compile(r"(tu-)?[\w.-]+")
_RENAMED_ENCODERS: Final = ("tu-regnet", "tu-res2", "tu-resnest", "tu-gernet")
"""Encoders whose tensors older versions of smp called differently; smp itself reads them."""
_RGB: Final = 3
_GREY_MEAN, _GREY_STD = 0.449, 0.226
"""ImageNet's, over its three channels."""
_NAMED_IN_MESSAGES: Final = 3
_DEPTHS: Final = (5, 4, 3)
_HEAD: Final = "segmentation_head.0.weight"

Options = dict[str, Any]


@dataclass(frozen=True)
class Architecture:
    """One of smp's decoders.

    Attributes:
        name: smp's class.
        title: Its name for people.
        sign: A tensor by which its decoder is known.
        options: From the shapes of a state dict: the decoder's options, and the encoder's depth
            where it follows from the decoder.
        allowed: The decoder's options that a file may give.
        taken: What no tensor tells and is taken as smp has it unless it is told.
        head: The tensor that gives the logits.
        depths: How many halvings are tried, the usual one first.
        asked: What no tensor tells and the user may know.
    """

    name: str
    title: str
    sign: str
    options: Callable[[Shapes], Options]
    allowed: tuple[str, ...]
    taken: str = ""
    head: str = _HEAD
    depths: tuple[int, ...] = _DEPTHS
    asked: tuple[Question, ...] = ()


def _norm(shapes: Shapes, block: str) -> bool | str | dict[str, Any]:
    """Which normalisation follows a convolution of the decoder."""
    if f"{block}.0.bias" in shapes:
        return False
    if f"{block}.1.running_mean" in shapes:
        return "batchnorm"
    return {"type": "instancenorm", "affine": True}


def _count(shapes: Shapes, name: str) -> int:
    """How many blocks there are: the name has a "{}" for their number."""
    return next(n for n in range(len(shapes) + 1) if name.format(n) not in shapes)


def _channels(shapes: Shapes, name: str) -> list[int]:
    return [shapes[name.format(n)][0] for n in range(_count(shapes, name))]


def _unet(shapes: Shapes) -> Options:
    channels = _channels(shapes, "decoder.blocks.{}.conv2.0.weight")
    scse = "decoder.blocks.0.attention2.attention.sSE.0.weight" in shapes
    return {
        "encoder_depth": len(channels),
        "decoder_channels": channels,
        "decoder_use_norm": _norm(shapes, "decoder.blocks.0.conv1"),
        "decoder_attention_type": "scse" if scse else None,
    }


def _unet_plus_plus(shapes: Shapes) -> Options:
    channels = _channels(shapes, "decoder.blocks.x_0_{}.conv2.0.weight")
    scse = "decoder.blocks.x_0_0.attention2.attention.sSE.0.weight" in shapes
    return {
        "encoder_depth": len(channels),
        "decoder_channels": channels,
        "decoder_use_norm": _norm(shapes, "decoder.blocks.x_0_0.conv1"),
        "decoder_attention_type": "scse" if scse else None,
    }


def _manet(shapes: Shapes) -> Options:
    channels = _channels(shapes, "decoder.blocks.{}.conv2.0.weight")
    return {
        "encoder_depth": len(channels),
        "decoder_channels": channels,
        "decoder_use_norm": _norm(shapes, "decoder.blocks.0.hl_conv.0"),
        "decoder_pab_channels": shapes["decoder.center.top_conv.weight"][0],
    }


def _linknet(shapes: Shapes) -> Options:
    return {
        "encoder_depth": _count(shapes, "decoder.blocks.{}.block.0.0.weight"),
        "decoder_use_norm": _norm(shapes, "decoder.blocks.0.block.0"),
    }


def _fpn(shapes: Shapes) -> Options:
    channels = shapes["decoder.seg_blocks.0.block.0.block.0.weight"][0]
    return {
        "decoder_pyramid_channels": shapes["decoder.p5.weight"][0],
        "decoder_segmentation_channels": channels,
        "decoder_merge_policy": "add" if shapes[_HEAD][1] == channels else "cat",
    }


def _pspnet(shapes: Shapes) -> Options:
    return {
        "psp_out_channels": shapes[_HEAD][1],
        "decoder_use_norm": _norm(shapes, "decoder.conv"),
    }


def _deeplab(shapes: Shapes) -> Options:
    separable = any(k.endswith("convs.1.0.1.weight") for k in shapes)
    return {"decoder_channels": shapes[_HEAD][1], "decoder_aspp_separable": separable}


def _pan(shapes: Shapes) -> Options:
    depth = next(n for n in (5, 4, 3) if f"decoder.gau{n - 2}.conv2.conv.weight" in shapes)
    return {"encoder_depth": depth, "decoder_channels": shapes[_HEAD][1]}


def _upernet(shapes: Shapes) -> Options:
    return {
        "encoder_depth": _count(shapes, "decoder.feature_norms.{}.weight") + 1,
        "decoder_channels": shapes[_HEAD][1],
        "decoder_use_norm": _norm(shapes, "decoder.fusion_block"),
    }


def _dpt(shapes: Shapes) -> Options:
    name = "decoder.reassemble_blocks.{}.project_to_out_channel.weight"
    channels = _channels(shapes, name)
    joined = "decoder.projection_blocks.0.project.0.weight" in shapes
    return {
        "encoder_depth": len(channels),
        "decoder_intermediate_channels": channels,
        "decoder_fusion_channels": shapes["decoder.fusion_blocks.0.project.weight"][0],
        "decoder_readout": "cat" if joined else "ignore",
    }


_ENLARGED: Final = Question(
    "decoder_interpolation",
    "How does the decoder enlarge its maps?",
    ("nearest", "bilinear"),
    "nearest",
)
_BILINEAR: Final = replace(_ENLARGED, default="bilinear")
_STRIDE_8: Final = Question(
    "encoder_output_stride", "What is the stride of the encoder's output?", ("8", "16"), "8"
)
_STRIDE_16: Final = replace(_STRIDE_8, default="16")
_BLOCKS: Final = ("decoder_channels", "decoder_use_norm", "decoder_interpolation")
_RATES: Final = (
    "decoder_channels", "decoder_atrous_rates", "decoder_aspp_separable", "encoder_output_stride",
    "upsampling",
)  # fmt: skip
ARCHITECTURES: Final[dict[str, Architecture]] = {
    row.name: row
    for row in (
        Architecture(
            "DPT", "DPT", "decoder.reassemble_blocks.0.project_to_out_channel.weight", _dpt,
            ("decoder_intermediate_channels", "decoder_fusion_channels", "decoder_readout",
             "encoder_output_indices"),
            "blocks of the transformer at even distances, and a readout that is not added",
            "segmentation_head.head.4.weight", (4,),
        ),
        Architecture(
            "UnetPlusPlus", "U-Net++", "decoder.blocks.x_0_0.conv1.0.weight", _unet_plus_plus,
            (*_BLOCKS, "decoder_attention_type"), asked=(_ENLARGED,),
        ),
        Architecture(
            "MAnet", "MA-Net", "decoder.center.top_conv.weight", _manet,
            (*_BLOCKS, "decoder_pab_channels"), asked=(_ENLARGED,),
        ),
        Architecture(
            "Linknet", "LinkNet", "decoder.blocks.0.block.0.0.weight", _linknet,
            ("decoder_use_norm",),
        ),
        Architecture(
            "Unet", "U-Net", "decoder.blocks.0.conv1.0.weight", _unet,
            (*_BLOCKS, "decoder_attention_type"), asked=(_ENLARGED,),
        ),
        Architecture(
            "FPN", "FPN", "decoder.p4.skip_conv.weight", _fpn,
            ("decoder_pyramid_channels", "decoder_segmentation_channels", "decoder_merge_policy",
             "decoder_interpolation", "upsampling"), asked=(_ENLARGED,),
        ),
        Architecture(
            "PSPNet", "PSPNet", "decoder.psp.blocks.0.pool.1.0.weight", _pspnet,
            ("psp_out_channels", "decoder_use_norm", "upsampling"), depths=(3, 4, 5),
        ),
        Architecture(
            "UPerNet", "UPerNet", "decoder.feature_norms.0.weight", _upernet,
            ("decoder_channels", "decoder_use_norm", "upsampling"),
        ),
        Architecture(
            "DeepLabV3Plus", "DeepLabV3+", "decoder.aspp.0.convs.0.0.weight", _deeplab, _RATES,
            "dilations 12, 24 and 36", asked=(_STRIDE_16,),
        ),
        Architecture(
            "DeepLabV3", "DeepLabV3", "decoder.aspp.convs.0.0.weight", _deeplab, _RATES,
            "dilations 12, 24 and 36", asked=(_STRIDE_8,),
        ),
        Architecture(
            "PAN", "PAN", "decoder.fpa.mid.0.conv.weight", _pan,
            ("decoder_channels", "decoder_interpolation", "encoder_output_stride", "upsampling"),
            asked=(_STRIDE_16, _BILINEAR),
        ),
    )
}  # fmt: skip
"""By smp's name, in the order in which their signs are looked for."""


def smp_network(
    arch: str,
    encoder: str,
    classes: int = 1,
    in_channels: int = 3,
    aux_classes: int = 0,
    encoder_depth: int | None = None,
    **options: Any,
) -> nn.Module:
    """Build a network of segmentation_models_pytorch without weights.

    Args:
        arch: A name of `ARCHITECTURES`.
        encoder: As smp calls it; "tu-" and a name for timm's.
        classes: channels of the logits.
        in_channels: channels of the image.
        aux_classes: classes of the head that labels whole images, 0 if there is none; what it
            says is left out.
        encoder_depth: how many times the encoder halves its input; None: as is usual.
        **options: of the decoder, as smp calls them.

    Returns:
        A network that maps (N, in_channels, H, W) to logits (N, classes, H, W).

    Raises:
        ValueError: for an unknown architecture, encoder or option, and for encoders that are not
            free.
    """
    row = ARCHITECTURES.get(arch)
    if row is None:
        raise ValueError(f"{arch!r} is no architecture of smp here")
    if unknown := options.keys() - set(row.allowed):
        raise ValueError(f"{arch} has no option {', '.join(sorted(unknown))}")
    _check_encoder(encoder)
    import segmentation_models_pytorch as smp

    if "encoder_output_stride" in options:  # answers to questions are texts
        options["encoder_output_stride"] = int(options["encoder_output_stride"])
    settings: Options = {
        "encoder_name": encoder,
        "encoder_weights": None,
        "encoder_depth": encoder_depth or row.depths[0],
        "in_channels": in_channels,
        "classes": classes,
        "aux_params": {"classes": aux_classes} if aux_classes else None,
        **options,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that smp will not have for ever
            network = _built(getattr(smp, arch), settings)
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"smp cannot build {arch} with {encoder}: {error}") from error
    if aux_classes:
        network.register_forward_hook(_masks_alone)
    return network


def _check_encoder(name: str) -> None:
    for begin, why in REFUSED.items():
        if name.startswith(begin):
            raise ValueError(f"the encoder {name} is not built: {why}")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no encoder")


def _built(build: Callable[..., nn.Module], settings: Options) -> nn.Module:
    if build.__name__ == "DPT":
        try:  # images of any size, where the transformer can move its positions
            return build(**settings, dynamic_img_size=True)
        except TypeError:
            pass
    return build(**settings)


def _masks_alone(_network: nn.Module, _args: Any, output: Any) -> Any:
    return output[0]


def recognise_smp(shapes: Shapes, where: str) -> Found | None:
    """Tell a network of smp from the names and shapes of its state dict.

    Raises:
        SegstudioError: if its encoder is not known or not free, or it does not fit.
    """
    shapes = _named_as_now(shapes)
    row = next((row for row in ARCHITECTURES.values() if row.sign in shapes), None)
    inner = {k.removeprefix("encoder."): v for k, v in shapes.items() if k.startswith("encoder.")}
    if not inner or (row is None and "decoder.mlp_stage.0.linear.weight" not in shapes):
        return None
    _refuse(shapes, where)
    if row is None:
        raise SegstudioError(
            f"{where} is smp's SegFormer, which segstudio does not build.",
            "Use a SegFormer of the package transformers, or another architecture of smp.",
        )
    if row.head not in shapes:
        return None
    settings = {"arch": row.name, **_of_image(shapes, row, inner), **row.options(shapes)}
    found = list(_candidates(inner, row, settings.get("encoder_depth")))
    if not found:
        raise SegstudioError(
            f"{where} is a {row.title} of segmentation_models_pytorch, but none of the encoders "
            f"that segstudio knows by their tensors ({listed(list(inner), _NAMED_IN_MESSAGES)}).",
            'Save it where it was made with model.save_pretrained("folder") and open the folder; '
            "its config.json names the encoder.",
        )
    tried = [_Fit.of({**settings, **candidate}, shapes) for candidate in found]
    return _fitting(tried, row, where)


def recognise_smp_config(config: Mapping[str, Any], shapes: Shapes, where: str) -> Found | None:
    """Tell a network of smp from the config.json that `save_pretrained` writes.

    Args:
        config: What the file holds.
        shapes: Of the weights beside it.
        where: The weights' file, for messages.

    Raises:
        SegstudioError: if it is not built here, or does not fit its weights.
    """
    name, encoder = config.get("_model_class"), str(config.get("encoder_name", ""))
    if not isinstance(name, str):
        return None
    for begin, why in REFUSED.items():
        if encoder.startswith(begin):
            raise SegstudioError(f"{where} is not opened: {why}.", _OTHERS[begin])
    row = ARCHITECTURES.get(name)
    if row is None:
        raise SegstudioError(
            f"{where} is smp's {name}, which segstudio does not build.",
            f"Choose another architecture: {', '.join(ARCHITECTURES)}.",
        )
    auxiliary = config.get("aux_params") or {}
    old_norm = config.get("decoder_use_batchnorm", config.get("psp_use_batchnorm"))
    given = {"decoder_use_norm": old_norm, **config}
    settings = {
        "arch": name,
        "encoder": encoder,
        "classes": config.get("classes", 1),
        "in_channels": config.get("in_channels", _RGB),
        "aux_classes": auxiliary.get("classes", 0),
        "encoder_depth": config.get("encoder_depth"),
        **{key: given[key] for key in row.allowed if given.get(key) is not None},
    }
    found = _fitting([_Fit.of(settings, _named_as_now(shapes))], row, where)
    # the network is built without its activation, so it gives logits
    each_alone = config.get("activation") == "sigmoid" and found.num_classes > 1
    output = Output("sigmoid") if each_alone else None
    return replace(found, note="", questions=(), output=output)


def _named_as_now(shapes: Shapes) -> Shapes:
    """Names that smp's DeepLabV3 had in older versions, under those that it has."""
    if "decoder.0.convs.0.0.weight" not in shapes:
        return shapes
    new = {
        "decoder.0.": "decoder.aspp.",
        "decoder.1.": "decoder.conv.",
        "decoder.2.": "decoder.bn.",
    }
    return {_replaced(name, new): shape for name, shape in shapes.items()}


def _replaced(name: str, begins: Mapping[str, str]) -> str:
    for old, new in begins.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _refuse(shapes: Shapes, where: str) -> None:
    for begin, sign in _REFUSED_SIGNS.items():
        if sign in shapes:
            raise SegstudioError(f"{where} is not opened: {REFUSED[begin]}.", _OTHERS[begin])


def _of_image(shapes: Shapes, row: Architecture, inner: Shapes) -> Options:
    """What does not depend on the decoder: channels of the image, classes."""
    stem = next((s for s in _stems() if all(name in inner for name in s)), None)
    return {
        "classes": shapes[row.head][0],
        "in_channels": inner[stem[0]][1] if stem else _RGB,
        "aux_classes": shapes.get("classification_head.3.weight", (0,))[0],
    }


def _candidates(inner: Shapes, row: Architecture, depth: int | None) -> Iterator[Options]:
    """Encoders and depths with the tensors of a file, the usual ones first."""
    depths = row.depths if depth is None else (depth,)
    for names in (
        inner,
        {f"model.{k.replace('.stages.', '.stages_')}": v for k, v in inner.items()},
    ):
        known = [
            encoder
            for stem in _stems()
            if all(name in names for name in stem)
            for encoder in _table().get(fingerprint(names, stem), ())
            if names is inner or encoder.name.startswith(_RENAMED_ENCODERS)
        ]
        for number in depths:
            # of variants with the same tensors the plain one has the shortest name
            for encoder in sorted(known, key=lambda encoder: (len(encoder.name), encoder.name)):
                if row.name == "DPT" and encoder.depths == ():
                    yield {"encoder": encoder.name, "encoder_depth": number}
                elif number in encoder.depths:
                    yield _with_upsampling(row, encoder.name, number)
        if known:
            return


def _with_upsampling(row: Architecture, encoder: str, depth: int) -> Options:
    options: Options = {"encoder": encoder, "encoder_depth": depth}
    if row.name == "PSPNet" and depth != row.depths[0]:
        options["upsampling"] = 2**depth  # so that its output has the size of its input
    return options


@dataclass(frozen=True)
class _Fit:
    """How the tensors of a network that was built are those of a file."""

    settings: Options
    stride: int = 1
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    error: str = ""

    @classmethod
    def of(cls, settings: Options, shapes: Shapes) -> _Fit:
        """Build the network without memory, and compare every name and shape."""
        import torch

        try:
            with torch.device("meta"):
                network = smp_network(**settings)
        except (ValueError, TypeError) as error:
            return cls(settings, error=str(error))
        own = {k: tuple(v.shape) for k, v in network.state_dict().items()}
        theirs = dict(shapes)
        if str(settings["encoder"]).startswith(_RENAMED_ENCODERS):
            theirs = {_with_model(k): v for k, v in shapes.items()}
        counters = {k for k in {*own, *theirs} if k.endswith("num_batches_tracked")}
        encoder: Any = network.encoder
        return cls(
            settings,
            int(encoder.output_stride),
            [f"{k} {own[k]}" for k in own if k not in theirs and k not in counters],
            [f"{k} {theirs[k]}" for k in theirs if k not in own and k not in counters],
            [
                f"{k} {theirs[k]} instead of {own[k]}"
                for k in own
                if k in theirs and own[k] != theirs[k]
            ],
        )

    @property
    def wrong(self) -> int:
        """How many tensors differ."""
        return len(self.missing) + len(self.unexpected) + len(self.other)


def _with_model(name: str) -> str:
    """The name of a timm encoder's tensor in this version of smp."""
    if not name.startswith("encoder.") or name.startswith("encoder.model."):
        return name
    return "encoder.model." + name.removeprefix("encoder.").replace(".stages.", ".stages_")


def _fitting(tried: list[_Fit], row: Architecture, where: str) -> Found:
    """What was found, if one of the networks fits.

    Raises:
        SegstudioError: with what differs from the nearest.
    """
    built = [fit for fit in tried if not fit.error]
    if not built:
        raise SegstudioError(
            f"{where} cannot be built: {tried[0].error}.", "Update segmentation_models_pytorch."
        )
    best = min(built, key=lambda fit: fit.wrong)
    alike = [str(f.settings["encoder"]) for f in built if not f.wrong and _variant(f, best)]
    encoder = best.settings["encoder"]
    if best.wrong:
        parts = (("missing", best.missing), ("unexpected", best.unexpected), ("", best.other))
        words = [
            f"{len(names)} {what} ({listed(names, _NAMED_IN_MESSAGES)})".replace(
                "  ", " of another shape "
            )
            for what, names in parts
            if names
        ]
        raise SegstudioError(
            f"{where} looks like a {row.title} with the encoder {encoder}, but "
            f"{counted(best.wrong, 'tensor')} differ: {'; '.join(words)}.",
            "Save it with smp's own architecture, or as a model of a package of its own.",
        )
    channels = best.settings["in_channels"]
    # DPT halves the map of its transformer once more and joins the two
    divisor = 2 * best.stride if row.name == "DPT" else best.stride
    options = {k: v for k, v in best.settings.items() if v is not None}
    classes = int(options["classes"])
    title = f"{row.title} {encoder.removeprefix('tu-')}"
    return Found(
        title,
        options,
        _preprocess(channels, divisor),
        classes,
        questions=(*_encoders_asked(encoder, alike), *row.asked),
        note=f"Taken as is usual: {row.taken}." if row.taken else "",
    )


def _variant(fit: _Fit, best: _Fit) -> bool:
    """Whether another encoder of the same depth fits as well."""
    same = bool(fit.settings["encoder_depth"] == best.settings["encoder_depth"])
    return same and bool(fit.settings["encoder"] != best.settings["encoder"])


def _encoders_asked(encoder: str, alike: list[str]) -> tuple[Question, ...]:
    """Which of the encoders with the same tensors it is, if there are several."""
    if not alike:
        return ()
    names = tuple(sorted({encoder, *alike}, key=lambda name: name != encoder))
    return (
        Question("encoder", "Which encoder is it? They differ in their borders.", names, encoder),
    )


def _preprocess(channels: int, divisor: int) -> dict[str, Any]:
    if channels == 1:
        return {
            "scaling": "unit", "channels": "grey", "mean": [_GREY_MEAN], "std": [_GREY_STD],
            "divisor": divisor,
        }  # fmt: skip
    if channels != _RGB:
        return {"scaling": "unit", "divisor": divisor, **input_channels(channels)}
    return {"scaling": "unit", "mean": IMAGENET_MEAN, "std": IMAGENET_STD, "divisor": divisor}


# -- encoders by their tensors -------------------------------------------------------------------


@dataclass(frozen=True)
class Encoder:
    """An encoder that may be that of a network.

    Attributes:
        name: As smp calls it.
        depths: For how many halvings it has these tensors; none of those that only DPT reads.
    """

    name: str
    depths: tuple[int, ...]


def stems_of(shapes: Shapes) -> tuple[str, ...]:
    """Names of the convolutions that read an RGB image."""
    return tuple(sorted(k for k, v in shapes.items() if len(v) == 4 and v[1] == _RGB))


def fingerprint(shapes: Shapes, stem: Iterable[str]) -> str:
    """What an encoder is known by, for any number of channels of the image.

    Args:
        shapes: Of its tensors.
        stem: The convolutions of the image; their input channels do not count.
    """
    of_image = set(stem)
    lines = []
    for name in sorted(shapes):
        if not name.endswith("num_batches_tracked"):
            shape = tuple(shapes[name])
            lines.append(f"{name} {(shape[0], *shape[2:]) if name in of_image else shape}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


@functools.cache
def _rows() -> tuple[tuple[str, Encoder, tuple[str, ...]], ...]:
    """The rows of the file that tools/encoder_fingerprints.py writes."""
    rows = []
    for line in resource_path("encoders.txt").read_text(encoding="utf-8").splitlines():
        digest, name, depths, stem = line.split()
        numbers = tuple(int(digit) for digit in depths if digit.isdigit())
        rows.append((digest, Encoder(name, numbers), tuple(stem.split(","))))
    return tuple(rows)


@functools.cache
def _table() -> Mapping[str, list[Encoder]]:
    table: dict[str, list[Encoder]] = {}
    for digest, encoder, _ in _rows():
        table.setdefault(digest, []).append(encoder)
    return table


@functools.cache
def _stems() -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(stem for _, _, stem in _rows()))
