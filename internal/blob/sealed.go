package blob

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// compress writes size bytes of in as one zstd frame that tells its size in its head.
func compress(out io.Writer, in io.Reader, size int64) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithZeroFrames(true))
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	enc.ResetContentSize(out, size)
	_, err = io.Copy(enc, in)
	return errors.Join(err, enc.Close())
}

// sealedSize reads the size of the uncompressed log from the frame's head.
func sealedSize(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf := make([]byte, zstd.HeaderMaxSize)
	n, err := io.ReadFull(f, buf)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("read the head of %s: %w", path, err)
	}
	var head zstd.Header
	if err := head.Decode(buf[:n]); err != nil {
		return 0, fmt.Errorf("read the head of %s: %w", path, err)
	}
	if head.HasFCS {
		return int64(head.FrameContentSize), nil
	}
	// Below 256 bytes the format leaves the size out.
	r, err := openSealed(path, 0)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	size, err := io.Copy(io.Discard, r)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return size, nil
}

// sealedReader is a decompressing reader that closes its file.
type sealedReader struct {
	*zstd.Decoder
	file *os.File
}

func (r sealedReader) Close() error {
	r.Decoder.Close()
	return r.file.Close()
}

// openSealed gives the uncompressed bytes from offset on.
func openSealed(path string, offset int64) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		_ = f.Close() // the reason is err
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r := sealedReader{Decoder: dec, file: f}
	if _, err := io.CopyN(io.Discard, dec, max(offset, 0)); err != nil && !errors.Is(err, io.EOF) {
		_ = r.Close() // the reason is err
		return nil, fmt.Errorf("read %s up to %d: %w", path, offset, err)
	}
	return r, nil
}
