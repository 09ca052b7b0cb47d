// Package graphtest checks backends against the rows of the table of operations.
//
// A backend's whole test of its ops is
//
//	func TestConformance(t *testing.T) { graphtest.Conform(t, gocpu.New) }
//	func TestGradients(t *testing.T)   { graphtest.Gradients(t, gocpu.New) }
//	func FuzzPrograms(f *testing.F)    { graphtest.FuzzPrograms(f, gocpu.New) }
//
// Values are compared with the rows' reference meaning ([Reference]), for every sample and every dtype
// that a row declares; gradients of first and second order with central differences in float64;
// random programs made of all rows with the reference. [Truth] compares elementwise functions with tables of true values
// over their whole domains; the reference and the go engine are held to what the rows promise there, which is more than
// XLA's own functions do: other backends are compared with the reference, within the rows' tolerance. [Complete] checks the rows themselves, and
// [OpReference] writes the op reference page from them.
package graphtest
