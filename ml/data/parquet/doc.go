// Package parquet reads tables of Apache Parquet files: columns by name, in their own types, and of them the row groups that are wanted.
//
//	file, err := parquet.Open("flowers.parquet")
//	if err != nil { … }
//	defer file.Close()
//	examples, err := file.Examples([]string{"width", "length"}, []string{"species"}, csv.Refuse)
//	if err != nil { … }
//	ds := data.Batched(data.Shuffled(data.ByIndex(examples, data.Sequential(examples.Len()), 2), 10_000, 1), 64, true)
//
// A column is one of numbers, bools or text, or of lists of them, see [Column]. [File.Examples] makes tensors of numbers, a row per example;
// [File.Rows] gives rows with text, of which [data.Examples] makes examples by a function; [File.Table] reads columns into a table in
// memory, as package csv has them. What happens where a value is null must be said, as there.
//
// Row groups are read when a row of them is wanted, column by column, and the last ones are held, 256 MiB in all. So a file that is larger is read
// in its order, and mixed by [data.Shuffled]; in the order of [data.Permuted] almost each row would read a row group.
//
// The package reads by github.com/parquet-go/parquet-go, which only programs link that import it.
package parquet
