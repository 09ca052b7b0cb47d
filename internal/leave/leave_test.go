package leave_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/internal/leave"
)

func TestWhatIsToBeDoneIsDoneOnce(t *testing.T) {
	var done []int
	leave.Before(func() { done = append(done, 1) })
	leave.Before(func() { done = append(done, 2) })
	leave.Do()
	leave.Do()
	leave.Before(func() { done = append(done, 3) })
	leave.Do()
	assert.Equal(t, []int{1, 2, 3}, done)
}
