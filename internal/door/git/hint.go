package git

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// hints are what a pusher reads before git's own words, where those do not say what to do. Git decides these cases before it asks a hook.
func hints() map[string]string {
	return map[string]string{
		"shallow update not allowed": "-----> Your clone is shallow: its history begins somewhere in the middle, and the commits before are not here either.\n" +
			"       Fetch them, then push again: git fetch --unshallow\n",
	}
}

// hintWriter passes on what git receive-pack says to the pusher, packet by packet, and puts hints before packets that need one. What is no packet goes through as it is.
type hintWriter struct {
	w    io.Writer
	held []byte // of a packet that is not whole yet
	raw  bool
}

// maxPacket is how long a packet of git's protocol can be, its length included.
const maxPacket = 65520

func (h *hintWriter) Write(p []byte) (int, error) {
	h.held = append(h.held, p...)
	for !h.raw && len(h.held) >= 4 {
		size, err := strconv.ParseUint(string(h.held[:4]), 16, 32)
		if err != nil || size > maxPacket {
			h.raw = true
			break
		}
		size = max(size, 4) // 0000 and its like are packets without a body
		if uint64(len(h.held)) < size {
			return len(p), nil
		}
		if err := h.packet(h.held[:size]); err != nil {
			return 0, err
		}
		h.held = h.held[size:]
	}
	if h.raw {
		if err := h.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// packet passes one on. Only where git speaks by sideband can there be words for people beside the report, which is on band 1.
func (h *hintWriter) packet(p []byte) error {
	if len(p) > 4 && p[4] == 1 {
		for words, hint := range hints() {
			if bytes.Contains(p, []byte(words)) {
				if _, err := fmt.Fprintf(h.w, "%04x\x02%s", len(hint)+5, hint); err != nil {
					return err
				}
			}
		}
	}
	_, err := h.w.Write(p)
	return err
}

// flush passes on what was held back: git has ended.
func (h *hintWriter) flush() error {
	if len(h.held) == 0 {
		return nil
	}
	_, err := h.w.Write(h.held)
	h.held = nil
	return err
}
