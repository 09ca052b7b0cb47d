package relay

import (
	"context"
	"sync"
)

// queue is a queue of any length.
type queue[T any] struct {
	mu   sync.Mutex
	list []T
	some chan struct{} // has a token when something may be there
}

func newQueue[T any]() *queue[T] { return &queue[T]{some: make(chan struct{}, 1)} }

func (q *queue[T]) push(v T) {
	q.mu.Lock()
	q.list = append(q.list, v)
	q.mu.Unlock()
	q.signal()
}

func (q *queue[T]) signal() {
	select {
	case q.some <- struct{}{}:
	default:
	}
}

// next waits for something; false means that ctx has ended.
func (q *queue[T]) next(ctx context.Context) (v T, ok bool) {
	for ctx.Err() == nil {
		if v, more, ok := q.first(); ok {
			if more { // for another who waits
				q.signal()
			}
			return v, true
		}
		select {
		case <-q.some:
		case <-ctx.Done():
		}
	}
	return v, false
}

func (q *queue[T]) first() (v T, more, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return v, false, false
	}
	v = q.list[0]
	var none T
	q.list[0] = none // its memory is free before the list moves
	q.list = q.list[1:]
	return v, len(q.list) > 0, true
}

// take empties the queue.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}
