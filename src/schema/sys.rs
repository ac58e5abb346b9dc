//! libyang through its C interface, in the few calls that this room needs.
//!
//! The binding's own types are not used: they store only the last error, cannot ask for all of
//! them, leak at some calls and panic on a NUL character. Everything unsafe of this room that
//! allocates or frees is here; `compile` and `reach` only read the compiled schema.
//!
//! Threads: a context is complete before it is shared and never changed afterwards, each data
//! tree has one owner, and errors are kept per thread by libyang.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::Once;

use yang5::ffi;

use super::source::SourceModule;

/// A context, alive for the whole run of the process.
#[derive(Clone, Copy)]
pub(super) struct Context(NonNull<ffi::ly_ctx>);

// SAFETY: libyang allows any number of threads to read a context once no module is loaded any
// more; `Context::new` is the only place that loads modules.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

/// One error as libyang stored it.
#[derive(Clone, Debug)]
pub(super) struct RawError {
    /// A warning, not an error.
    pub warning: bool,
    /// Class of the error.
    pub class: ffi::LY_VECODE::Type,
    /// Text.
    pub message: String,
    /// Data path with module names.
    pub path: Option<String>,
    /// Schema path with module names, where there is no data path.
    pub schema_path: Option<String>,
    /// error-app-tag.
    pub app_tag: Option<String>,
}

/// Module texts as the import callback needs them; leaked.
struct Texts(Vec<(CString, CString)>);

/// Copies a C string; `None` for a null pointer.
///
/// # Safety
/// `text` is null or a NUL-terminated string that lives through the call.
pub(super) unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    )
}

/// A libyang sized array as a slice: its length stands in front of it.
///
/// # Safety
/// `array` is null or a sized array of libyang that lives for `'a`.
pub(super) unsafe fn sized<'a, T>(array: *const T) -> &'a [T] {
    if array.is_null() {
        return &[];
    }
    // SAFETY: LY_ARRAY_COUNT reads the same place, a u64 in front of the first element.
    unsafe {
        let count = array.cast::<u64>().sub(1).read_unaligned();
        std::slice::from_raw_parts(array, usize::try_from(count).unwrap_or(0))
    }
}

/// Gives libyang the text of an imported module. Other sources are not searched.
unsafe extern "C" fn import(
    name: *const c_char,
    _revision: *const c_char,
    _submodule: *const c_char,
    _submodule_revision: *const c_char,
    user_data: *mut c_void,
    format: *mut ffi::LYS_INFORMAT::Type,
    data: *mut *const c_char,
    free: *mut ffi::ly_module_imp_data_free_clb,
) -> ffi::LY_ERR::Type {
    // SAFETY: `user_data` is the leaked `Texts` given with this function; the out pointers are
    // libyang's and valid for writing.
    unsafe {
        let texts = &*user_data.cast::<Texts>();
        let name = CStr::from_ptr(name);
        let Some((_, text)) = texts.0.iter().find(|(known, _)| known.as_c_str() == name) else {
            return ffi::LY_ERR::LY_ENOTFOUND;
        };
        *format = ffi::LYS_INFORMAT::LYS_IN_YANG;
        *data = text.as_ptr();
        *free = None;
    }
    ffi::LY_ERR::LY_SUCCESS
}

impl Context {
    /// Loads the modules into a new context that is never freed. A warning counts as an error.
    ///
    /// # Errors
    /// The module at fault (empty for the set-up) and what is wrong.
    pub(super) fn new(modules: &[SourceModule]) -> Result<Self, (String, String)> {
        static QUIET: Once = Once::new();
        // SAFETY: sets process-wide options of libyang, once: store all errors, print none.
        QUIET.call_once(|| unsafe {
            ffi::ly_log_options(ffi::LY_LOSTORE);
        });
        let setup = |what: &str| (String::new(), what.to_owned());
        let texts = modules
            .iter()
            .map(|module| {
                Ok((
                    CString::new(module.name)?,
                    CString::new(&*module.text_for_libyang())?,
                ))
            })
            .collect::<Result<Vec<_>, std::ffi::NulError>>()
            .map_err(|_| setup("a module's text has a NUL character"))?;
        let texts: &'static Texts = Box::leak(Box::new(Texts(texts)));
        let mut raw = ptr::null_mut();
        let flags = ffi::LY_CTX_DISABLE_SEARCHDIRS | ffi::LY_CTX_DISABLE_SEARCHDIR_CWD;
        // SAFETY: `raw` is written on success; a null search directory means none.
        let rc = unsafe { ffi::ly_ctx_new(ptr::null(), flags as _, &raw mut raw) };
        let Some(raw) = NonNull::new(raw).filter(|_| rc == ffi::LY_ERR::LY_SUCCESS) else {
            return Err(setup("no context"));
        };
        let context = Self(raw);
        // SAFETY: the context is new and known to this thread only; `texts` lives for ever.
        unsafe {
            let user_data = ptr::from_ref(texts).cast_mut().cast::<c_void>();
            ffi::ly_ctx_set_module_imp_clb(raw.as_ptr(), Some(import), user_data);
        }
        for (module, (name, _)) in modules.iter().zip(&texts.0) {
            if module.implement {
                context.load(module, name)?;
            }
        }
        Ok(context)
    }

    fn load(self, module: &SourceModule, name: &CStr) -> Result<(), (String, String)> {
        let failed = |message: String| (module.name.to_owned(), message);
        let features = module
            .features
            .iter()
            .map(|feature| CString::new(*feature))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| failed("a feature's name has a NUL character".to_owned()))?;
        let mut list: Vec<*const c_char> = features.iter().map(|name| name.as_ptr()).collect();
        list.push(ptr::null());
        // SAFETY: all strings are NUL-terminated and outlive the call; the list ends in null.
        let loaded = unsafe {
            ffi::ly_ctx_load_module(self.as_ptr(), name.as_ptr(), ptr::null(), list.as_mut_ptr())
        };
        let errors = self.take_errors();
        if let Some(error) = errors.last() {
            let place = error.schema_path.as_deref().unwrap_or("");
            return Err(failed(format!("{} {place}", error.message)));
        }
        if loaded.is_null() {
            return Err(failed("libyang gave no reason".to_owned()));
        }
        Ok(())
    }

    /// The context as libyang wants it.
    pub(super) fn as_ptr(self) -> *mut ffi::ly_ctx {
        self.0.as_ptr()
    }

    /// Takes the errors that this thread's calls left, oldest first.
    pub(super) fn take_errors(self) -> Vec<RawError> {
        let mut errors = Vec::new();
        // SAFETY: the list belongs to this thread and is only changed by `ly_err_clean` below;
        // its strings are copied before that.
        unsafe {
            let mut item = ffi::ly_err_first(self.as_ptr());
            while let Some(error) = item.as_ref() {
                errors.push(RawError {
                    warning: error.level != ffi::LY_LOG_LEVEL::LY_LLERR,
                    class: error.vecode,
                    message: text(error.msg).unwrap_or_default(),
                    path: text(error.data_path),
                    schema_path: text(error.schema_path),
                    app_tag: text(error.apptag),
                });
                item = error.next;
            }
            ffi::ly_err_clean(self.as_ptr(), ptr::null_mut());
        }
        errors
    }

    /// The modules of the context, libyang's own included.
    pub(super) fn modules(self) -> Vec<*const ffi::lys_module> {
        let mut modules = Vec::new();
        let mut index = 0;
        loop {
            // SAFETY: the context is complete; the module list does not change any more.
            let module = unsafe { ffi::ly_ctx_get_module_iter(self.as_ptr(), &raw mut index) };
            if module.is_null() {
                return modules;
            }
            modules.push(module.cast_const());
        }
    }

    /// Judges `text` as a value of the leaf `node`; names in it carry module names.
    /// Returns the canonical form.
    ///
    /// # Safety
    /// `node` is a leaf or leaf-list of this context.
    pub(super) unsafe fn canonical(
        self,
        node: *const ffi::lysc_node,
        value: &CStr,
    ) -> Result<String, Vec<RawError>> {
        let mut canonical = ptr::null();
        let length = u32::try_from(value.to_bytes().len()).unwrap_or(u32::MAX);
        // SAFETY: `node` as promised, the value is NUL-terminated and of this length; the
        // canonical text is in the context's dictionary until it is given back below.
        unsafe {
            let rc = ffi::lyd_value_validate(
                node,
                value.as_ptr(),
                length,
                ptr::null(),
                ptr::null_mut(),
                &raw mut canonical,
            );
            let result = text(canonical);
            if !canonical.is_null() {
                ffi::lydict_remove(self.as_ptr(), canonical);
            }
            match result {
                // EINCOMPLETE: the type fits, the instance it names was not looked for.
                Some(result)
                    if rc == ffi::LY_ERR::LY_SUCCESS || rc == ffi::LY_ERR::LY_EINCOMPLETE =>
                {
                    Ok(result)
                }
                _ => Err(self.take_errors()),
            }
        }
    }
}

/// A data tree, freed when dropped. It stays in the thread that made it.
pub(super) struct DataTree {
    context: Context,
    /// The first top-level node; null when empty.
    root: *mut ffi::lyd_node,
}

impl Drop for DataTree {
    fn drop(&mut self) {
        // SAFETY: the tree is ours alone; null is allowed.
        unsafe { ffi::lyd_free_all(self.root) };
    }
}

impl DataTree {
    /// Parses configuration (or, with `state`, state too) without judging constraints.
    ///
    /// # Errors
    /// Every error that libyang found.
    pub(super) fn parse(context: Context, xml: &CStr, state: bool) -> Result<Self, Vec<RawError>> {
        let mut tree = Self {
            context,
            root: ptr::null_mut(),
        };
        let mut options = ffi::LYD_PARSE_ONLY | ffi::LYD_PARSE_STRICT;
        if !state {
            options |= ffi::LYD_PARSE_NO_STATE;
        }
        // SAFETY: the text is NUL-terminated; what is parsed is owned by `tree` from here on.
        let rc = unsafe {
            ffi::lyd_parse_data_mem(
                context.as_ptr(),
                xml.as_ptr(),
                ffi::LYD_FORMAT::LYD_XML,
                options,
                ffi::LYD_VALIDATE_MULTI_ERROR,
                &raw mut tree.root,
            )
        };
        tree.judged(rc)
    }

    /// Parses the content of an rpc or a notification without judging constraints.
    ///
    /// # Errors
    /// Every error that libyang found.
    pub(super) fn parse_operation(
        context: Context,
        xml: &CStr,
        kind: ffi::lyd_type::Type,
    ) -> Result<Self, Vec<RawError>> {
        let mut tree = Self {
            context,
            root: ptr::null_mut(),
        };
        // SAFETY: the text is NUL-terminated and outlives `input`, which is freed here (not its
        // memory, which is ours); the tree is owned by `tree`, and `op` points into it.
        unsafe {
            let mut input = ptr::null_mut();
            let mut op = ptr::null_mut();
            let mut rc = ffi::ly_in_new_memory(xml.as_ptr(), &raw mut input);
            if rc == ffi::LY_ERR::LY_SUCCESS {
                rc = ffi::lyd_parse_op(
                    context.as_ptr(),
                    ptr::null_mut(),
                    input,
                    ffi::LYD_FORMAT::LYD_XML,
                    kind,
                    ffi::LYD_PARSE_STRICT,
                    &raw mut tree.root,
                    &raw mut op,
                );
                ffi::ly_in_free(input, 0);
            }
            tree.judged(rc)
        }
    }

    /// Judges what [`parse_operation`](Self::parse_operation) gave.
    ///
    /// # Errors
    /// The first error that libyang found: it has no more for operations.
    pub(super) fn validate_operation(
        &mut self,
        kind: ffi::lyd_type::Type,
    ) -> Result<(), Vec<RawError>> {
        // SAFETY: the tree holds one rpc, action or notification, which libyang finds from the root.
        let rc = unsafe { ffi::lyd_validate_op(self.root, ptr::null(), kind, ptr::null_mut()) };
        self.outcome(rc)
    }

    /// Judges every constraint; adds defaults. Without `state`, state nodes are refused.
    ///
    /// # Errors
    /// Every error that libyang found.
    pub(super) fn validate(&mut self, state: bool) -> Result<(), Vec<RawError>> {
        let mut options = ffi::LYD_VALIDATE_PRESENT | ffi::LYD_VALIDATE_MULTI_ERROR;
        if !state {
            options |= ffi::LYD_VALIDATE_NO_STATE;
        }
        // SAFETY: the tree is ours alone; validation may replace its first node.
        let rc = unsafe {
            ffi::lyd_validate_all(
                &raw mut self.root,
                self.context.as_ptr(),
                options,
                ptr::null_mut(),
            )
        };
        self.outcome(rc)
    }

    /// Prints what was set explicitly, canonical and sorted, without white space.
    pub(super) fn print(&self) -> Option<String> {
        if self.root.is_null() {
            return Some(String::new());
        }
        let mut printed = ptr::null_mut();
        let options = ffi::LYD_PRINT_SIBLINGS | ffi::LYD_PRINT_SHRINK | ffi::LYD_PRINT_WD_EXPLICIT;
        // SAFETY: the tree is valid; the printed text is ours to free.
        unsafe {
            let rc = ffi::lyd_print_mem(
                &raw mut printed,
                self.root,
                ffi::LYD_FORMAT::LYD_XML,
                options,
            );
            let result = text(printed);
            libc::free(printed.cast());
            let printed = result.filter(|_| rc == ffi::LY_ERR::LY_SUCCESS)?;
            // libyang writes a carriage return as it is, and a reader takes that for a line end.
            Some(match printed.contains('\r') {
                true => printed.replace('\r', "&#13;"),
                false => printed,
            })
        }
    }

    /// Follows the chain of nodes chosen by `is_next` from the top, one per level, and returns
    /// the data path of the last one for which `is_end` holds.
    ///
    /// `None` when there is none, or when a level has two of them.
    pub(super) fn deepest(&self, is_end: impl Fn(*const ffi::lysc_node) -> bool) -> Option<String> {
        let mut found: *const ffi::lyd_node = ptr::null();
        let mut pending = vec![self.root.cast_const()];
        // SAFETY: all nodes are of our own tree, which is not changed meanwhile.
        unsafe {
            while let Some(first) = pending.pop() {
                let mut node = first;
                while let Some(data) = node.as_ref() {
                    if is_end(data.schema) {
                        if !found.is_null() && !is_ancestor(found, node) {
                            return None;
                        }
                        found = node;
                    }
                    let child = ffi::lyd_child_no_keys(node);
                    if !child.is_null() {
                        pending.push(child.cast_const());
                    }
                    node = data.next;
                }
            }
            if found.is_null() {
                return None;
            }
            let path = ffi::lyd_path(found, ffi::LYD_PATH_TYPE::LYD_PATH_STD, ptr::null_mut(), 0);
            let result = text(path);
            libc::free(path.cast());
            result
        }
    }

    fn judged(self, rc: ffi::LY_ERR::Type) -> Result<Self, Vec<RawError>> {
        self.outcome(rc).map(|()| self)
    }

    fn outcome(&self, rc: ffi::LY_ERR::Type) -> Result<(), Vec<RawError>> {
        // Warnings about data are of no use to anybody.
        let mut errors = self.context.take_errors();
        errors.retain(|error| !error.warning);
        if rc == ffi::LY_ERR::LY_SUCCESS {
            return Ok(());
        }
        if errors.is_empty() {
            errors.push(RawError {
                warning: false,
                class: ffi::LY_VECODE::LYVE_OTHER,
                message: format!("libyang gave no reason (code {rc})"),
                path: None,
                schema_path: None,
                app_tag: None,
            });
        }
        Err(errors)
    }
}

/// Whether `node` lies below `ancestor`.
///
/// # Safety
/// Both are nodes of one live tree.
unsafe fn is_ancestor(ancestor: *const ffi::lyd_node, node: *const ffi::lyd_node) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        let mut up = node;
        while let Some(data) = up.as_ref() {
            up = data.parent.cast_const();
            if up == ancestor {
                return true;
            }
        }
    }
    false
}
