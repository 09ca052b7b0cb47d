// Package zoo has no code: the packages below it are models, whole ones, each by its sizes.
//
//	c := resnet.New18(3, 10)
//	trainer := train.NewTrainer(backend, model.NewStore(), c.Logits, losses.SparseCategoricalCrossEntropyLogits, optimizers.AdamW().Done())
//
// Some open checkpoints that others have trained: decoder (Llama, Mistral, Qwen, Gemma), transformer (GPT-2, BERT, ViT) and resnet. The others are to
// be trained: classic (perceptrons of several layers, LeNet), unet, vae, diffusion (with flow matching), and gnn (nets on graphs). docs/zoo.md has all of them,
// with their numbers of parameters and what they are compared with.
package zoo
