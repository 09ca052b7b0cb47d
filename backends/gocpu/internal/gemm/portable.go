package gemm

import "unsafe"

// The portable kernels say what those in assembly do. They are as fast as a plain loop is.

var portableFloat32 = portable[float32]()

var portableFloat64 = portable[float64]()

func portable[T float32 | float64]() Kernels {
	const rows, lanes = 4, 4
	k := Kernels{Rows: rows, Cols: 2 * lanes, lanes: lanes, size: int(unsafe.Sizeof(T(0))), copyRows: portableCopyRows[T], dots: portableDots[T], byLane: portableLanes[T]}
	k.combine = [2]combine{portableCombine[T](1), portableCombine[T](CombineRows)}
	for v := range k.tiles {
		k.tiles[v] = []tile{nil}
		for r := range rows {
			k.tiles[v] = append(k.tiles[v], portableTile[T](r+1))
		}
	}
	return k
}

// portableTile returns the tile of so many rows.
func portableTile[T float32 | float64](height int) tile {
	return func(a unsafe.Pointer, rows *int, runs *Run, count, step int, b unsafe.Pointer, stepB int, c unsafe.Pointer, stride, cols, add int) {
		var sums [16][64]T
		i := 0
		for _, run := range unsafe.Slice(runs, count) {
			for o := run.From; o != run.To; o += step {
				row := unsafe.Slice((*T)(unsafe.Add(b, i*stepB)), cols)
				for r, place := range unsafe.Slice(rows, height) {
					x := *(*T)(unsafe.Add(a, place+o))
					for j, y := range row {
						sums[r][j] += x * y
					}
				}
				i++
			}
		}
		for r := range height {
			out := unsafe.Slice((*T)(unsafe.Add(c, r*stride)), cols)
			for j := range out {
				if add != 0 {
					sums[r][j] += out[j]
				}
				out[j] = sums[r][j]
			}
		}
	}
}

// portableCopyRows is the copyRows.
func portableCopyRows[T any](dst unsafe.Pointer, stepDst int, src unsafe.Pointer, runs *Run, count, step, cols int) {
	i := 0
	for _, run := range unsafe.Slice(runs, count) {
		for o := run.From; o != run.To; o += step {
			copy(unsafe.Slice((*T)(unsafe.Add(dst, i*stepDst)), cols), unsafe.Slice((*T)(unsafe.Add(src, o)), cols))
			i++
		}
	}
}

// transposeRest is the transpose of elements from to n of each row.
func transposeRest[T any](dst unsafe.Pointer, stepDst int, src unsafe.Pointer, rows []int, from, n int) {
	size := int(unsafe.Sizeof(*new(T)))
	for j, place := range rows {
		for i := from; i < n; i++ {
			*(*T)(unsafe.Add(dst, i*stepDst+j*size)) = *(*T)(unsafe.Add(src, place+i*size))
		}
	}
}

// portableDots is the dots.
func portableDots[T float32 | float64](w unsafe.Pointer, rows *int, x unsafe.Pointer, n int, out unsafe.Pointer, add int) {
	for r, place := range unsafe.Slice(rows, DotRows) {
		sum, z := T(0), (*T)(unsafe.Add(out, r*int(unsafe.Sizeof(T(0)))))
		for i, v := range unsafe.Slice((*T)(unsafe.Add(w, place)), n) {
			sum += v * unsafe.Slice((*T)(x), n)[i]
		}
		if add != 0 {
			sum += *z
		}
		*z = sum
	}
}

// portableCombine returns the combine of so many rows.
func portableCombine[T float32 | float64](count int) combine {
	return func(w unsafe.Pointer, rows *int, x unsafe.Pointer, n int, out unsafe.Pointer, add int) {
		for i := range n {
			z, sum := &unsafe.Slice((*T)(out), n)[i], T(0)
			if add != 0 {
				sum = *z
			}
			for r, place := range unsafe.Slice(rows, count) {
				sum += unsafe.Slice((*T)(x), count)[r] * unsafe.Slice((*T)(unsafe.Add(w, place)), n)[i]
			}
			*z = sum
		}
	}
}

// portableLanes is the lanes.
func portableLanes[T float32 | float64](y unsafe.Pointer, stepY int, x unsafe.Pointer, stepX int, taps *int, count int, w unsafe.Pointer, stepW, positions, cols, add int) {
	for p := range positions {
		var sums [16]T
		for t, tap := range unsafe.Slice(taps, count) {
			v, u := unsafe.Slice((*T)(unsafe.Add(x, p*stepX+tap)), cols), unsafe.Slice((*T)(unsafe.Add(w, t*stepW)), cols)
			for j := range v {
				sums[j] += v[j] * u[j]
			}
		}
		for j := range cols {
			z := (*T)(unsafe.Add(y, p*stepY+j*int(unsafe.Sizeof(T(0)))))
			if add != 0 {
				sums[j] += *z
			}
			*z = sums[j]
		}
	}
}
