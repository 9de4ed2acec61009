package activity

// An Attachment says what is attached to a comment: an image. The comment's Markdown refers to it as
// "attachment:" and its Name. The image itself is its [Content].
type Attachment struct {
	Name   string `json:"name,omitempty"` // as it was given, unique in the comment; never a path; "" when the comment was redacted
	Type   string `json:"type"`           // media type, told from the content: image/png, image/jpeg or image/gif
	Size   int64  `json:"size"`           // bytes
	Width  int    `json:"width"`          // pixels
	Height int    `json:"height"`         // pixels
	SHA256 string `json:"sha256"`         // of the content, in lower-case hexadecimal
}

// A Content is what an [Attachment] stands for, byte by byte as it was given.
type Content struct {
	SHA256 string `json:"sha256"` // digest of Data in lower-case hexadecimal, by which attachments name it
	Data   []byte `json:"data,omitempty"`
}
