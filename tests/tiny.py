"""Tiny checkpoints with random weights, saved as the hub holds them: real files for the real loading code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

_SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
_LABELS: dict[str, Any] = {"id2label": {0: "cat", 1: "dog"}, "label2id": {"cat": 0, "dog": 1}}
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_PIECES = [*_SPECIAL, *ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
_IMAGE = {"height": 32, "width": 32}


def _tokenizer(chat: bool = False) -> Any:
    """Words into letters."""
    pieces = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(_PIECES)}, unk_token="[UNK]"))
    pieces.normalizer = normalizers.Lowercase()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        bos_token="[CLS]",
        eos_token="[SEP]",
        model_max_length=64,
        **dict(zip(names, _SPECIAL, strict=True)),
    )
    if chat:
        wrapped.chat_template = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
    return wrapped


def _bert(head: str) -> list[Any]:
    config = transformers.BertConfig(vocab_size=len(_PIECES), max_position_embeddings=64, **_SIZES, **_LABELS)
    return [getattr(transformers, head)(config), _tokenizer()]


def _gpt2(chat: bool) -> list[Any]:
    config = transformers.GPT2Config(
        vocab_size=len(_PIECES),
        n_positions=512,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )
    return [transformers.GPT2LMHeadModel(config), _tokenizer(chat)]


def _vit() -> list[Any]:
    config = transformers.ViTConfig(image_size=32, patch_size=16, **_SIZES, **_LABELS)
    return [transformers.ViTForImageClassification(config), transformers.ViTImageProcessor(size=_IMAGE)]


def _yolos() -> list[Any]:
    config = transformers.YolosConfig(
        image_size=[32, 32], patch_size=16, num_detection_tokens=5, **_SIZES, **_LABELS
    )
    model = transformers.YolosForObjectDetection(config)
    # Random weights are sure of nothing: make this one sure that everything is a cat.
    model.class_labels_classifier.layers[-1].bias.data[0] = 20.0
    return [model, transformers.YolosImageProcessor(size=_IMAGE)]


def _segformer() -> list[Any]:
    config = transformers.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 8],
        num_attention_heads=[1, 1],
        patch_sizes=[3, 3],
        strides=[2, 2],
        mlp_ratios=[1, 1],
        decoder_hidden_size=8,
        **_LABELS,
    )
    processor = transformers.SegformerImageProcessor(size=_IMAGE)
    return [transformers.SegformerForSemanticSegmentation(config), processor]


def _dpt() -> list[Any]:
    config = transformers.DPTConfig(
        image_size=32,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        reassemble_factors=[4, 2, 1, 0.5],
        is_hybrid=False,
        **{**_SIZES, "num_hidden_layers": 4},
    )
    return [transformers.DPTForDepthEstimation(config), transformers.DPTImageProcessor(size=_IMAGE)]


def _wav2vec2(head: str, *more: Any) -> list[Any]:
    config = transformers.Wav2Vec2Config(
        vocab_size=31,
        conv_dim=(16, 16),
        conv_stride=(5, 4),
        conv_kernel=(10, 8),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        num_feat_extract_layers=2,
        **_SIZES,
        **_LABELS,
    )
    return [getattr(transformers, head)(config), transformers.Wav2Vec2FeatureExtractor(), *more]


def _ctc(folder: Path) -> list[Any]:
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *ascii_lowercase]
    path = folder / "vocab.json"
    path.write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    return _wav2vec2("Wav2Vec2ForCTC", transformers.Wav2Vec2CTCTokenizer(str(path)))


def _vits(folder: Path) -> list[Any]:
    path = folder / "vocab.json"
    path.write_text(
        json.dumps({letter: i for i, letter in enumerate([*ascii_lowercase, " ", "<pad>", "<unk>"])})
    )
    config = transformers.VitsConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=16,
        flow_size=16,
        spectrogram_bins=9,
        upsample_initial_channel=16,
        upsample_rates=[8, 8],
        upsample_kernel_sizes=[16, 16],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        depth_separable_num_layers=1,
        prior_encoder_num_wavenet_layers=1,
        posterior_encoder_num_wavenet_layers=1,
        duration_predictor_filter_channels=16,
    )
    tokenizer = transformers.VitsTokenizer(
        str(path), phonemize=False, is_uroman=False, pad_token="<pad>", unk_token="<unk>"
    )
    return [transformers.VitsModel(config), tokenizer]


_PARTS: dict[str, Callable[[Path], list[Any]]] = {
    "text-classification": lambda folder: _bert("BertForSequenceClassification"),
    "token-classification": lambda folder: _bert("BertForTokenClassification"),
    "feature-extraction": lambda folder: _bert("BertModel"),
    "text-generation": lambda folder: _gpt2(chat=False),
    "conversational": lambda folder: _gpt2(chat=True),
    "image-classification": lambda folder: _vit(),
    "object-detection": lambda folder: _yolos(),
    "image-segmentation": lambda folder: _segformer(),
    "depth-estimation": lambda folder: _dpt(),
    "audio-classification": lambda folder: _wav2vec2("Wav2Vec2ForSequenceClassification"),
    "automatic-speech-recognition": _ctc,
    "text-to-speech": _vits,
}


def save(task: str, folder: Path) -> Path:
    """A checkpoint for the task, in `folder`."""
    for part in _PARTS[task](folder):
        part.save_pretrained(folder)
    return folder
