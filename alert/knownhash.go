package alert

import "strings"

// hash returns a hash without what stands around it and the name of its kind, as in "SHA256=…", "" if it is
// none: a placeholder, all zeros or all ones, or not hexadecimal.
func hash(text string) string {
	text = identifier(text)
	if at := strings.LastIndexAny(text, ":="); at >= 0 && at <= len("sha-256") {
		switch kind := strings.ToLower(text[:at]); kind {
		case "md5", "sha1", "sha-1", "sha256", "sha-256":
			text = identifier(text[at+1:])
		}
	}
	for n := range len(text) {
		if c := text[n] | 0x20; !('0' <= text[n] && text[n] <= '9' || 'a' <= c && c <= 'f') {
			return ""
		}
	}
	if strings.Trim(text, "0") == "" || strings.Trim(text, "fF") == "" {
		return ""
	}
	return text
}

// hashLengths are the numbers of hexadecimal digits.
var hashLengths = map[string]int{"md5": 32, "sha1": 40, "sha256": 64}

// knownHashes are the hashes of contents that are everywhere. Computed; most are among MISP's warninglists of
// empty and common hashes and of the EICAR test file.
var knownHashes = map[string]string{
	"d41d8cd98f00b204e9800998ecf8427e":                                 "an empty file",
	"da39a3ee5e6b4b0d3255bfef95601890afd80709":                         "an empty file",
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "an empty file",
	"68b329da9893e34099c7d8ad5cb9c940":                                 "a file of one line end",
	"adc83b19e793491b1c6ea0fd8b46cd9f32e592fc":                         "a file of one line end",
	"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b": "a file of one line end",
	"81051bcc2cf1bedf378224b0a93e2877":                                 "a file of one line end",
	"ba8ab5a0280b953aa97435ff8946cbcbb2755a27":                         "a file of one line end",
	"7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6": "a file of one line end",
	"93b885adfe0da089cdf634904fd59f71":                                 "a file of zeros",
	"5ba93c9db0cff93f52b521d7420e43f6eda2784f":                         "a file of zeros",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d": "a file of zeros",
	"0f343b0931126a20f133d67c2b018a3b":                                 "a file of zeros",
	"60cacbf3d72e1e7834203da608037b1bf83b40e8":                         "a file of zeros",
	"5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef": "a file of zeros",
	"620f0b67a91f7f74151bc5be745b7110":                                 "a file of zeros",
	"1ceaf73df40e531df3bfb26b4fb7cd95fb7bff1d":                         "a file of zeros",
	"ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7": "a file of zeros",
	"325472601571f31e1bf00674c368d335":                                 "a picture of one point",
	"2daeaa8b5f19f0bc209d976c02bd6acb51b00b0a":                         "a picture of one point",
	"b1442e85b03bdcaf66dc58c7abb98745dd2687d86350be9a298a1d9382ac849b": "a picture of one point",
	"44d88612fea8a8f36de82e1278abb02f":                                 "the EICAR test file",
	"3395856ce81f2b7382dee72602f798b642f14140":                         "the EICAR test file",
	"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f": "the EICAR test file",
	"fbccf14d504b7b2dbcb5a5bda75bd93b":                                 "a mark of a download",
	"d59fc84cdd5217c6cf74785703655f78da6b582b":                         "a mark of a download",
	"eacd09517ce90d34ba562171d15ac40d302f0e691b439f91be1b6406e25f5913": "a mark of a download",
	"99914b932bd37a50b983c5e7c90ae93b":                                 "an empty JSON object",
	"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f":                         "an empty JSON object",
	"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a": "an empty JSON object",
}

// judgeHash says what a hash in small letters is worth, whatever file has it.
func judgeHash(namespace, hash string) (Strength, string) {
	if len(hash) != hashLengths[namespace] {
		return NotLinking, "not the length of a hash"
	}
	if what := knownHashes[hash]; what != "" {
		return NotLinking, what
	}
	return Weaker, ""
}
