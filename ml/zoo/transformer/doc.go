// Package transformer has the models GPT-2, BERT and ViT, new ones to train and checkpoints as Hugging Face's transformers writes them.
//
//	gpt, err := transformer.OpenGPT2(backend, "gpt2")            // a folder with config.json and model.safetensors; it generates, see package generation
//	bert, err := transformer.OpenBERT("bert-base-uncased")       // bert.Hidden(scope, ids, mask) in a graph over bert.Store
//	vit, err := transformer.OpenViT("vit-base-patch16-224")      // vit.Logits(scope, images)
package transformer
