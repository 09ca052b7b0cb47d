// Package csv reads tables of comma-separated values, column by column, into tensors.
//
//	table, err := csv.Load("penguins.csv", csv.Options{Missing: csv.DropRow})
//	if err != nil { … }
//	x, err := table.Numbers("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
//	y, err := table.Categories("species")
//	ds, err := data.InMemory("penguins", x, y)
//
// A column holds numbers or categories, which is declared or found out. What happens where a value is missing
// must be said: by itself a missing value is an error.
package csv
