package testreport

import (
	"bufio"
	"errors"
	"io"
)

// maxLine is the longest line that is read as a whole.
const maxLine = 1 << 20

// eachLine calls f with each line, without its end. Of a line longer than
// maxLine the rest is dropped. The line is valid during the call only.
func eachLine(r *bufio.Reader, f func(line []byte) error) error {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine - len(line); len(part) > room {
			part = part[:room]
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(line) > 0 {
			if wrong := f(trimEnd(line)); wrong != nil {
				return wrong
			}
		}
		line = line[:0]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
