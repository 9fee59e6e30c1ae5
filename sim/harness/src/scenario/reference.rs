//! The reference page and the JSON Schema of scenario files, from the key tables.
