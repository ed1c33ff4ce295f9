package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// File is what the archive has of a day of an app.
type File struct {
	App string    `json:"app"`
	Day time.Time `json:"day"`
	// The file accounts for the log from behind After up to Through.
	After   uint64 `json:"after"`
	Through uint64 `json:"through"`
	Events  int64  `json:"events"`
	// Digest is of all rows in their order.
	Digest string `json:"-"`
}

const suffix = ".parquet"

func (f File) name() string { return f.App + "/" + f.Day.Format(time.DateOnly) + suffix }

// The keys of a file's metadata.
const (
	keyApp, keyDay, keyAfter, keyThrough, keyDigest = "slipway.app", "slipway.day", "slipway.after", "slipway.through", "slipway.digest"
)

const (
	// groupRows and groupBytes bound what is in memory while a file is written.
	groupRows, groupBytes = 100_000, 32 << 20
	// batchRows and batchBytes bound what is handed on at once.
	batchRows, batchBytes = 20_000, 32 << 20
	// readRows is how many are decoded at once.
	readRows = 1000
)

// writer writes the rows of a file.
type writer struct {
	out       *parquet.GenericWriter[record]
	sum       *digest
	head      File
	rows      int
	bytes     int
	converted []record
}

func newWriter(to io.Writer, head File) *writer {
	head.Events = 0
	return &writer{out: parquet.NewGenericWriter[record](to, parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel})), sum: newDigest(), head: head}
}

func (w *writer) add(rows []analytics.Row) error {
	w.converted = w.converted[:0]
	for _, r := range rows {
		rec := recordOf(r)
		w.sum.add(&rec)
		w.bytes += rec.size()
		w.converted = append(w.converted, rec)
	}
	if _, err := w.out.Write(w.converted); err != nil {
		return err
	}
	w.head.Events += int64(len(rows))
	if w.rows += len(rows); w.rows < groupRows && w.bytes < groupBytes {
		return nil
	}
	w.rows, w.bytes = 0, 0
	return w.out.Flush()
}

// close ends the file and tells what is in it.
func (w *writer) close() (File, error) {
	w.head.Digest = w.sum.String()
	for key, value := range map[string]string{
		keyApp: w.head.App, keyDay: w.head.Day.Format(time.DateOnly), keyAfter: strconv.FormatUint(w.head.After, 10), keyThrough: strconv.FormatUint(w.head.Through, 10), keyDigest: w.head.Digest,
	} {
		w.out.SetKeyValueMetadata(key, value)
	}
	return w.head, w.out.Close()
}

// sound runs what reads a file. Bytes that are no Parquet make the library err, or panic.
func sound(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it cannot be decoded: %v", r)
		}
	}()
	return fn()
}

// readHead reads a file's metadata.
func readHead(from io.ReaderAt, size int64) (head File, err error) {
	err = sound(func() error {
		f, err := parquet.OpenFile(from, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		look := func(key string) string {
			value, ok := f.Lookup(key)
			if !ok {
				err = errors.Join(err, fmt.Errorf("its metadata has no %s", key))
			}
			return value
		}
		head = File{App: look(keyApp), Digest: look(keyDigest), Events: f.NumRows()}
		day, after, through := look(keyDay), look(keyAfter), look(keyThrough)
		if err != nil {
			return err
		}
		var errs [3]error
		head.Day, errs[0] = time.Parse(time.DateOnly, day)
		head.After, errs[1] = strconv.ParseUint(after, 10, 64)
		head.Through, errs[2] = strconv.ParseUint(through, 10, 64)
		return errors.Join(errs[:]...)
	})
	return head, err
}

// readRecords hands on a file's rows, or some of their columns, a few at a time. They are fn's until it returns.
func readRecords[T any](from io.ReaderAt, size int64, fn func([]T) error) error {
	var r *parquet.GenericReader[T]
	err := sound(func() error {
		f, err := parquet.OpenFile(from, size, parquet.SkipBloomFilters(true))
		if err == nil {
			r = parquet.NewGenericReader[T](f)
		}
		return err
	})
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]T, readRows)
	for {
		clear(buf)
		n := 0
		err := sound(func() (err error) { n, err = r.Read(buf); return err })
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > 0 {
			if err := fn(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// verify reads all of a file, and tells whether it is what was written.
func verify(from io.ReaderAt, size int64) (File, error) {
	head, err := readHead(from, size)
	if err != nil {
		return head, err
	}
	sum := newDigest()
	err = readRecords(from, size, func(some []record) error {
		for i := range some {
			sum.add(&some[i])
		}
		return nil
	})
	if err == nil && sum.String() != head.Digest {
		err = errors.New("its events are not those that were written")
	}
	return head, err
}

// scratch is a file without a name, which is gone when it is closed, whatever happens.
func scratch(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
