//go:build !cgo

package duck

import (
	"errors"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// Open fails: DuckDB is a C++ library.
func Open(Options) (analytics.Engine, error) {
	return nil, errors.New("this program was built without DuckDB (CGO_ENABLED=0); give --analytics postgres://…, or build it with a C compiler")
}
