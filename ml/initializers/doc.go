// Package initializers says how the variables of a model begin.
//
// An [Initializer] fills a variable from a stream of random numbers that depends on the store's seed and
// on the variable's path alone: not on the order in which variables are made, and not on the backend,
// since the values are computed on the host. The same seed gives the same model everywhere.
//
//	scope = scope.WithInitializer(initializers.XavierUniform)
//	x = layers.Dense(scope.In("hidden"), x, true, 64)
package initializers
