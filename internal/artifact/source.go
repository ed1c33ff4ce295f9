package artifact

import (
	"errors"
	"fmt"
	"hash"
	"io"
)

// source hashes the compressed bytes as they are read and keeps the first real error, which the decoder above would dress up as its own.
type source struct {
	r    io.Reader
	left int64
	sum  hash.Hash
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	if s.left -= int64(n); s.left < 0 {
		s.err = refuse("it is larger than allowed")
		return n, s.err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("read the artifact: %w", err)
		return n, s.err
	}
	return n, err
}

// limitedReader fails, unlike io.LimitedReader, where the limit is passed.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, refuse("it unpacks to more than is allowed")
	}
	return n, err
}
