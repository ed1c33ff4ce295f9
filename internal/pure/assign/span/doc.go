// Package span reads JSON text in place: what it gives are pieces of the text, so that a payload of thousands of flags is read once, and copied never.
//
//	r := span.New(text)
//	err := r.Object(func(key string) error {   // r stands before the value of key
//		raw, err := r.Skip()                   // its text, checked
//		return err
//	})
//
// The reader knows where it stands (features.checkout.rules[2]), so that whoever finds a fault can say where. It accepts what encoding/json accepts, up to
// MaxDepth levels; text must be UTF-8 (Clean makes it so).
package span
