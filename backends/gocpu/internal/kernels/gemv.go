package kernels

// vectorColumns is how many results of a product of a vector and a matrix are computed at once.
const vectorColumns = 256

// vectorKernel returns the kernel for products of a vector and a matrix, which read the matrix once and in place,
// and its scratch memory; nil if the product is another, or the matrix lies in no good order.
func (p *product[T]) vectorKernel(workers int) (Func, int) {
	x, w, xs, ws := &p.A, &p.B, 0, 1
	if p.A.Free.N != 1 && p.B.Free.N == 1 && p.OutStride == 1 { // a matrix and a vector: the same thing
		x, w, xs, ws = &p.B, &p.A, 1, 0
	}
	n, k := w.Free.N, w.Sum.N
	if x.Free.N != 1 || p.Columns || n < 8 || k < 8 {
		return nil, 0
	}
	run := vectorByRows[T]
	if !w.Free.contiguous() {
		if !w.Sum.contiguous() || !x.Sum.contiguous() {
			return nil, 0
		}
		run = vectorByColumns[T]
	}
	tasks := (n + vectorColumns - 1) / vectorColumns
	body := func(a *Args, worker, lo, hi int) {
		own := Of[T](a.Scratch)[worker*2*vectorColumns:][:2*vectorColumns]
		for t := lo; t < hi; t++ {
			g, c := t/tasks, t%tasks*vectorColumns
			sums := own[:min(vectorColumns, n-c)]
			run(Of[T](a.In[xs])[x.Base[g]:], Of[T](a.In[ws])[w.Base[g]:], &x.Sum, w, c, sums, own[vectorColumns:][:len(sums)])
			p.store(a.Out[0], p.OutBase[g]+c, sums)
		}
	}
	grain := max(1, (1<<15)/(vectorColumns*k))
	return func(a *Args) { a.For(len(p.OutBase)*tasks, grain, body) }, workers * 2 * vectorColumns * sizeOf[T]()
}

// vectorByRows computes sums[i] = Σ_k x[k]·w[k, c+i] for a w whose rows lie side by side, in parts of depth terms.
func vectorByRows[T accumulator](x, m []T, xAxis *Axis, w *Operand, c int, sums, part []T) {
	clear(sums)
	first, n := w.Free.at(c), len(sums)
	for k0 := 0; k0 < w.Sum.N; k0 += depth {
		clear(part)
		k, end := k0, min(k0+depth, w.Sum.N)
		for ; k+4 <= end; k += 4 { // four rows at a time: the sums are read and written a quarter as often
			x0, x1, x2, x3 := x[xAxis.at(k)], x[xAxis.at(k+1)], x[xAxis.at(k+2)], x[xAxis.at(k+3)]
			r0, r1 := m[w.Sum.at(k)+first:][:n], m[w.Sum.at(k+1)+first:][:n]
			r2, r3 := m[w.Sum.at(k+2)+first:][:n], m[w.Sum.at(k+3)+first:][:n]
			for i := range part {
				part[i] += (x0*r0[i] + x1*r1[i]) + (x2*r2[i] + x3*r3[i])
			}
		}
		for ; k < end; k++ {
			x0, r0 := x[xAxis.at(k)], m[w.Sum.at(k)+first:][:n]
			for i := range part {
				part[i] += x0 * r0[i]
			}
		}
		for i, v := range part {
			sums[i] += v
		}
	}
}

// vectorByColumns is vectorByRows for a w whose columns lie side by side, as x does.
func vectorByColumns[T accumulator](x, m []T, xAxis *Axis, w *Operand, c int, sums, _ []T) {
	k := w.Sum.N
	v := x[xAxis.at(0):][:k]
	for i := range sums {
		row := m[w.Free.at(c+i)+w.Sum.at(0):][:k]
		var sum T
		for k0 := 0; k0 < k; k0 += depth {
			sum += dot(v[k0:min(k0+depth, k)], row[k0:min(k0+depth, k)])
		}
		sums[i] = sum
	}
}

// dot returns Σ a·b, in four sums.
func dot[T accumulator](a, b []T) T {
	var s0, s1, s2, s3 T
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}
