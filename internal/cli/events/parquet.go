package events

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// parquet writes an answer into a file, whole or not at all.
func (h *Host) parquet(path, sql string, limit int) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	if path == "-" {
		_, err := client.Parquet(h.Context, app, sql, limit, h.Out)
		return err
	}
	if _, err := os.Lstat(path); err == nil { // before anything is asked
		return fmt.Errorf("%s is there already; name another file, or remove it first", path)
	}
	var file bytes.Buffer
	more, err := client.Parquet(h.Context, app, sql, limit, &file)
	if err != nil {
		return err
	}
	if err := write(path, &file); err != nil {
		return fmt.Errorf("write the answer into %s: %w", path, err)
	}
	some := ""
	if more {
		some = fmt.Sprintf(", the first %d rows of it", limit)
	}
	_, err = fmt.Fprintf(h.Out, "%s has the answer%s\n", path, some)
	return err
}

func write(path string, from io.Reader) error {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close() // the first error tells more
		_ = os.Remove(path)
		return err
	}
	return to.Close()
}
