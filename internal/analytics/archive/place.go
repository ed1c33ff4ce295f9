package archive

import (
	"context"
	"io"
	"net/url"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Place keeps files under names like "shop/2026-11-29.parquet".
type Place interface {
	// Put keeps size bytes under a name: all of them, or, when it fails, what was there before.
	Put(ctx context.Context, name string, r io.Reader, size int64) error
	// Open opens a file. That there is none is fs.ErrNotExist.
	Open(ctx context.Context, name string) (Opened, error)
	// List gives the names that begin with a prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove removes a file. That there is none is no error.
	Remove(ctx context.Context, name string) error
	// String is what people know the place by.
	String() string
}

// Opened is a file to read from. Who opened it closes it.
type Opened interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Size() int64
}

// None is the address of no archive.
const None = "none"

// OpenPlace opens a place by its address: a folder, or s3://bucket/prefix. For S3, env gives what the address does not say: the variables that AWS's own tools read.
func OpenPlace(address string, env func(string) string) (Place, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	if strings.HasPrefix(address, "s3://") {
		return openS3(address, env)
	}
	return openFolder(address)
}

// CheckAddress tells what is wrong with an address, without going there.
func CheckAddress(address string) error {
	scheme, _, isURL := strings.Cut(address, "://")
	if !isURL {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || scheme != "s3" || u.Host == "" {
		return fault.Invalid("write a folder, s3://bucket/prefix, or none").At("archive")
	}
	for key := range u.Query() {
		if key != "endpoint" && key != "region" {
			return fault.Invalid("an address of S3 has no %q; it may have ?endpoint=https://…&region=…", key).At("archive")
		}
	}
	if end := u.Query().Get("endpoint"); end != "" {
		if e, err := url.Parse(end); err != nil || e.Host == "" || (e.Scheme != "https" && e.Scheme != "http") {
			return fault.Invalid("the endpoint of S3 is not a URL; write ?endpoint=https://s3.example.com").At("archive")
		}
	}
	return nil
}
