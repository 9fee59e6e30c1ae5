//! The page that a browser gets at the service's address.

use std::fmt::{self, Write as _};

use super::schema::{self, Definition, Form, Listed, unprefixed};
use super::wsdl::SERVICE;
use crate::message::{NAMESPACE, Operation, SERVICE_PATH, UPLOAD_PATH};

/// The page needs nothing from elsewhere.
pub(super) const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;\
color:#1b1b1b;background:#fff}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:1.5rem 0 .25rem}\
code{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}\
p,ul{margin:.25rem 0}.note{border-left:.25rem solid #8a5a00;padding:.25rem .75rem;\
background:#fff6e5}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}a{color:#8ab4f8}\
.note{background:#33270f}}";

/// See [`service_page`](super::service_page).
pub(super) struct Page<'a>(pub(super) &'a str);

impl fmt::Display for Page<'_> {
    fn fmt(&self, page: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_head(page, self.0)?;
        page.write_str("<h2>Operations</h2>\n")?;
        for operation in Operation::ALL {
            write_operation(page, *operation)?;
        }
        page.write_str("<h2>Types</h2>\n")?;
        for definition in schema::definitions() {
            write_definition(page, definition)?;
        }
        page.write_str("</body>\n</html>\n")
    }
}

fn write_head(page: &mut fmt::Formatter<'_>, address: &str) -> fmt::Result {
    let site = address.strip_suffix(SERVICE_PATH).unwrap_or(address);
    let address = Escaped(address);
    let site = Escaped(site);
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{SERVICE}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{SERVICE}</h1>\n\
         <p class=\"note\">This is not SharePoint. It is the target side of SharePoint content \
         deployment as Portcullis implements it, for tests.</p>\n\
         <p>SOAP 1.1 and 1.2 at <code>{address}</code>. \
         <a href=\"?WSDL\">Service description (WSDL)</a></p>\n\
         <p>Packages are uploaded with <code>POST {site}{UPLOAD_PATH}?filename=NAME&amp;\
         remoteJobId=JOB</code>; the body is the file.</p>\n\
         <p>All elements are in the namespace <code>{NAMESPACE}</code>; \
         <code>SOAPAction</code> may be left out.</p>\n"
    )
}

fn write_operation(page: &mut fmt::Formatter<'_>, operation: Operation) -> fmt::Result {
    let name = operation.name();
    let summary = schema::summary(operation);
    writeln!(page, "<h3 id=\"{name}\">{name}</h3>\n<p>{summary}</p>")?;
    write_fields(page, &schema::parameters(operation))?;
    for result in schema::result(operation) {
        let shown = Shown(result.type_name);
        writeln!(page, "<p>Returns {shown}.</p>")?;
    }
    Ok(())
}

fn write_definition(page: &mut fmt::Formatter<'_>, definition: Definition) -> fmt::Result {
    let name = definition.name;
    writeln!(page, "<h3 id=\"{name}\">{name}</h3>")?;
    match definition.form {
        Form::Words(words) => {
            let words: Vec<String> = words
                .iter()
                .map(|word| format!("<code>{word}</code>"))
                .collect();
            writeln!(page, "<p>One of {}.</p>", words.join(", "))
        }
        Form::Members(members) => write_fields(page, &members),
        Form::Array(item) => {
            let Listed { name, type_name } = item;
            let shown = Shown(type_name);
            writeln!(page, "<p>Any number of <code>{name}</code>: {shown}.</p>")
        }
    }
}

fn write_fields(page: &mut fmt::Formatter<'_>, fields: &[Listed]) -> fmt::Result {
    if fields.is_empty() {
        return Ok(());
    }
    page.write_str("<ul>\n")?;
    for Listed { name, type_name } in fields {
        writeln!(page, "<li><code>{name}</code>: {}</li>", Shown(type_name))?;
    }
    page.write_str("</ul>\n")
}

/// The name of a type, with a link where it is one of the page's own.
struct Shown(&'static str);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = unprefixed(self.0);
        if self.0.starts_with("tns:") {
            write!(f, "<a href=\"#{name}\">{name}</a>")
        } else {
            f.write_str(name)
        }
    }
}

/// Text that cannot end an attribute or begin a tag.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
