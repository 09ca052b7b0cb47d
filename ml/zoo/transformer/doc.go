// Package transformer has the models GPT-2, BERT and ViT, new ones to train and checkpoints as Hugging Face's transformers writes them.
//
//	gpt, err := transformer.OpenGPT2(backend, "gpt2")            // a folder with config.json and model.safetensors; it generates, see package generation
//	bert, err := transformer.OpenBERT("bert-base-uncased")       // bert.Hidden(scope, ids, mask) in a graph over bert.Store
//	vit, err := transformer.OpenViT("vit-base-patch16-224")      // vit.Logits(scope, images)
//
// A new one is trained from its sizes, known ones as GPT2Small or one's own:
//
//	c := transformer.GPT2{Size: transformer.Size{Width: 128, Hidden: 512, Layers: 4, Heads: 4, Epsilon: 1e-5, Activation: "gelu"}, Vocabulary: 65, Positions: 64}
//	trainer := train.NewTrainer(backend, store, c.Logits, losses.SparseCategoricalCrossEntropyLogits, optimizers.AdamW().Done())
package transformer
