"""Makes forms.json.gz: texts of characters that normal forms take apart, put together and in another order, and where the library says that each character has come from.

    pip install tokenizers==0.23.3
    python forms.py
"""
import gzip
import json
import os
import random

import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

random.seed(1)
marks = [chr(c) for c in range(0x300, 0x345)] + list("\u0345\u0315\u05ae\u0323\u0327\u031b\u0328\u3099\u309a\u093c\u0951\u064b\u0651\u0670\u0f71\u0f72\u302a\u0338")
bases = list("aeiouAEnsczyYw") + list("ﬁﬀﬃ①½ǄǆäëẤậṩǖẹŉΰΐᾂÅK豈樂か゛ハｶﾞﾊﾟ가힣각각㈀㌀㍿ﷺﷲ…™²㎥ʰক়ড়שׁ\u0958\u0344\u0343\u0340\u1e9b\ufb2c") + [" ", "-"]
texts = ["".join(random.choice(marks) if random.random() < 0.5 else random.choice(bases) for _ in range(random.randint(1, 12))) for _ in range(150)]
out = {"version": tokenizers.__version__, "texts": texts, "forms": {}}
for form in ("NFC", "NFD", "NFKC", "NFKD"):
    t = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    t.normalizer = getattr(normalizers, form)()
    t.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    out["forms"][form] = {"file": json.loads(t.to_str()), "offsets": [t.encode(text).offsets for text in texts]}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forms.json.gz")
with open(path, "wb") as f, gzip.GzipFile("", "wb", fileobj=f, mtime=0) as z:
    z.write(json.dumps(out, separators=(",", ":")).encode())
print(out["version"], len(texts), os.path.getsize(path))
