import WeirJSON

func parse(_ text: String) throws(JSONError) -> JSONValue { try JSONDocument(parsing: Array(text.utf8)).root }

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
