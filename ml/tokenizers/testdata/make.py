"""Makes reference.json.gz: small tokenizers of each kind, trained on a few texts, and what the library makes of texts by them.

    pip install tokenizers==%s sentencepiece==%s
    python make.py
"""
import gzip, io, json, os, sys, tempfile

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

__doc__ %= (tokenizers.__version__, sentencepiece.__version__)

corpus = ["First Citizen: Before we proceed any further, hear me speak.", "All: Speak, speak.", "You are all resolved rather to die than to famish?",
          "Resolved. resolved. First, you know Caius Marcius is chief enemy to the people.", "We know't, we know't. Let us kill him, and we'll have corn at our own price.",
          "Is't a verdict? No more talking on't; let it be done: away, away! One word, good citizens.", "The gods know I speak this in hunger for bread, not in thirst for revenge.",
          "def main():\n    return [x ** 2 for x in range(100)]\n", "In 1984 there were 12345 of 67890, or 3.14159.", "Das ist ein schöner Tag, natürlich für größere Häuser.",
          "L'été dernier, à l'hôtel, nous étions déjà très fatigués.", "Привет, как дела? Хорошо, спасибо.", "今日は天気がいいですね。私は学生です。", "안녕하세요 세계", "café naïve coöperate"] * 3

texts = ["", " ", "Hello, world!", "First Citizen: speak, speak.", "  leading and trailing  ", "We know't, we'll have corn; they're gone. IT'S I'M", "a", "tab\tand\nnewline\r\n\r\nend", "1234567 and 3.14, ٣٤٥ ½",
         "größere Häuser ÄÖÜ", "cafe\u0301 naïve coöperate", "Ångström \u212b ﬁne ①②", "今日は天気。 mixed 漢字 and text", "안녕하세요", "Привет мир", "emoji 🙂👩‍👩‍👧 🇩🇪 done",
         "zero\u200bwidth\ufeffjoin \u00a0nbsp\u3000wide", "<s>special</s> and <|endoftext|> <mask> here[MASK]!", "x <mask>  y", "mask<mask>mask", "superlongword" * 12, "punct!!! ...?? -- (a) [b] {c} a_b c-d e/f $5 %", "UPPER lower MiXeD ŁÓDŹ İstanbul ẞ",
         "def f(x):\n    return x**2  # note\n\n\nend", "\x00\x01control\x7f", "a  b   c    d", "don't can't I've you're he's she'd", "∑∫√ ≤≥ → ∞", "ｆｕｌｌ　ｗｉｄｔｈ", "हिन्दी भाषा", "ไทย", "اللغة العربية", "e\u0301\u0301\u0323 stacked", "▁already▁there", "Ġodd Ċ", "<0x41> byte", "word</w> suffix##ed", "trailing newline\n", "a\u2028b\u2029c\x85d"]
pairs = [("What is it?", "A longer answer, which has more words than the question has."), ("", "b"), ("First Citizen", ""), ("both are rather long texts to be cut", "and this one is rather long as well, or longer")]


def bpe(**how):
    return Tokenizer(models.BPE(**how))


def special(*names):
    return list(names)


def gpt2():
    t = bpe()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special("<|endoftext|>"), show_progress=False))
    return t


def roberta():
    t = bpe()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special("<s>", "<pad>", "</s>", "<unk>"), show_progress=False))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    t.enable_padding(pad_id=1, pad_token="<pad>")
    return t


def bert(lowercase=True, accents=None):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=accents)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=330, special_tokens=special("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return t


def bertCut():
    t = bert(False, False)
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.enable_truncation(12)
    t.enable_padding(pad_id=0, pad_token="[PAD]", pad_to_multiple_of=8)
    t.no_padding()
    return t


def spm(**how):
    with tempfile.TemporaryDirectory() as d:
        rules = os.path.join(d, "rules.tsv")
        with open(rules, "w") as f:  # a small map of its own: the usual one has 240 kB
            for a, b in [("ﬁ", "fi"), ("①", "1"), ("②", "2"), ("\u00a0", " "), ("\u3000", " "), ("\u212b", "Å"), ("e\u0301", "é"), ("\u200b", ""), ("½", "1/2"), ("ｆ", "f"), ("ｕ", "u"), ("ｌ", "l"), ("ẞ", "ß"), ("\t", " "), ("\n", " ")]:
                f.write("\t".join(" ".join("%X" % ord(c) for c in s) for s in (a, b)) + "\n")
        path = os.path.join(d, "m")
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus), model_prefix=path, normalization_rule_tsv=rules, hard_vocab_limit=False, minloglevel=2, **how)
        m = sentencepiece.sentencepiece_model_pb2 if hasattr(sentencepiece, "sentencepiece_model_pb2") else __import__("sentencepiece.sentencepiece_model_pb2").sentencepiece_model_pb2
        p = m.ModelProto()
        p.ParseFromString(open(path + ".model", "rb").read())
        return p


def t5():
    p = spm(vocab_size=260, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    t = Tokenizer(models.Unigram([(x.piece, x.score) for x in p.pieces], unk_id=2))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(p.normalizer_spec.precompiled_charsmap), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    t.add_special_tokens(["<pad>", "</s>", "<unk>"])
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return t


def unigramBytes():
    p = spm(vocab_size=480, model_type="unigram", byte_fallback=True)
    t = Tokenizer(models.Unigram([(x.piece, x.score) for x in p.pieces], unk_id=0, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")])
    return t


def llama2():
    letters = sorted(set("".join(corpus)) | set("▁ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
    t = bpe(unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=640, initial_alphabet=letters, special_tokens=special("<unk>", "<s>", "</s>") + ["<0x%02X>" % i for i in range(256)], show_progress=False))
    model = json.loads(t.to_str())
    model["added_tokens"] = [a for a in model["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(model))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return t


def llama3():
    t = bpe(ignore_merges=True)
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=450, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.add_special_tokens([AddedToken("<|begin_of_text|>", special=True), AddedToken("<|endoftext|>", special=True)])
    t.add_tokens([AddedToken("resolved", normalized=True, single_word=True), AddedToken("speak", normalized=False, rstrip=True)])
    n = t.token_to_id("<|begin_of_text|>")
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", special_tokens=[("<|begin_of_text|>", n)])])
    return t


def clip():
    t = bpe(unk_token="<|endoftext|>", continuing_subword_prefix="", end_of_word_suffix="</w>", fuse_unk=False)
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.BPEDecoder()
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=460, end_of_word_suffix="</w>", special_tokens=special("<|startoftext|>", "<|endoftext|>"), show_progress=False))
    return t


def wordPrefix():
    t = bpe(unk_token="[UNK]", continuing_subword_prefix="##")
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=320, continuing_subword_prefix="##", special_tokens=special("[UNK]"), show_progress=False))
    t.decoder = decoders.WordPiece(cleanup=False)
    return t


def level(split, decoder=None, normalizer=None):
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.pre_tokenizer = split
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(corpus + texts, trainers.WordLevelTrainer(vocab_size=900, special_tokens=special("[UNK]"), show_progress=False))
    if decoder:
        t.decoder = decoder
    return t


made = {
    "gpt2": gpt2(), "roberta": roberta(), "bert": bert(), "bert-cased": bert(False), "bert-cut": bertCut(), "t5": t5(), "unigram-bytes": unigramBytes(), "llama2": llama2(), "llama3": llama3(), "clip": clip(), "bpe-prefix": wordPrefix(),
    "digits": level(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)]), normalizer=normalizers.NFKD()),
    "digits-together": level(pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.Punctuation("merged_with_previous")])),
    "signs": level(pre_tokenizers.Sequence([pre_tokenizers.Punctuation("merged_with_next"), pre_tokenizers.CharDelimiterSplit(" ")]), decoder=decoders.CTC(pad_token="[UNK]", word_delimiter_token="a")),
    "signs-together": level(pre_tokenizers.Punctuation("contiguous"), normalizer=normalizers.Sequence([normalizers.Replace("a", "bb"), normalizers.NFC()])),
    "metaspace-whole": level(pre_tokenizers.Metaspace(prepend_scheme="never", split=False), decoder=decoders.Metaspace(prepend_scheme="never")),
    "splits": level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("[aeiou]+"), "merged_with_previous"), pre_tokenizers.Split("t", "merged_with_next"), pre_tokenizers.Split(Regex("[xyz ]"), "contiguous", invert=True)])),
    "bytes": level(pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False), normalizer=normalizers.NFKC()),
}


def at(text, offsets):
    return [[len(text[:a].encode()), len(text[:b].encode())] for a, b in offsets]


def case(t, a, b=None):
    e = t.encode(a) if b is None else t.encode(a, b)
    plain = t.encode(a, add_special_tokens=False)
    offsets = []
    for (f, to), s in zip(e.offsets, e.sequence_ids):
        offsets += at(b if s == 1 else a, [(f, to)])
    out = {"text": a, "ids": e.ids, "tokens": e.tokens, "offsets": offsets, "types": e.type_ids, "special": e.special_tokens_mask, "plain": plain.ids, "all": t.decode(e.ids, skip_special_tokens=False), "decoded": t.decode(e.ids)}
    if b is not None:
        out["second"] = b
    return out


result = {"versions": {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__}, "tokenizers": {}}
for name, t in made.items():
    t.no_padding() if name != "roberta" else None
    result["tokenizers"][name] = {"file": json.loads(t.to_str()), "cases": [case(t, x) for x in texts] + [case(t, a, b) for a, b in pairs], "size": t.get_vocab_size()}
raw = json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode()
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json.gz"), "wb") as f:
    with gzip.GzipFile(fileobj=f, mode="wb", mtime=0, compresslevel=9) as z:
        z.write(raw)
print(len(raw), "bytes", result["versions"])
