// Package pretrained brings the tensors of checkpoints that other libraries wrote into a store, under the names that a model of ours gives its variables.
//
//	file, err := safetensors.Open("llama/model.safetensors")
//	wanted, err := pretrained.Wanted(logits, shapes.Make(dtypes.Int32, 1, 8)) // the variables that the model makes, without computing anything
//	report, err := pretrained.Load(store, file, wanted, []pretrained.Rule{
//		{From: "model.embed_tokens.weight", To: "/embeddings"},
//		{From: "model.layers.{}.mlp.up_proj.weight", To: "/layer_{}/up/weights", Transpose: true},
//	})
//
// Each tensor is read when its turn comes, and converted to the dtype of its variable; a file is never read as a whole. Shapes are compared before, and what the model
// lacks, or the checkpoint has besides, is told by name.
package pretrained
