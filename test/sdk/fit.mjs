/* fit: does a JSON value fit a TypeScript type?  The types are read from the packages' own declarations
 * by the compiler, so that what is required is what the vendor says, not what we think it says. */
import path from 'node:path';
import ts from 'typescript';

/* imports: lines of TypeScript; types: {name: type expression}.  Returns {name: ts.Type} and the checker. */
export function load(imports, types) {
    const options = {
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: [],
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.Node16,
        moduleResolution: ts.ModuleResolutionKind.Node16,
    };
    const names = Object.keys(types);
    const file = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), 'types.mts');
    const text = [...imports, ...names.map((name, i) => `export type t${i} = ${types[name]};`)].join('\n');
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists, readFile } = host;
    host.getSourceFile = (name, ...rest) =>
        name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
    host.fileExists = (name) => name === file || fileExists(name);
    host.readFile = (name) => (name === file ? text : readFile(name));
    const program = ts.createProgram([file], options, host);
    const checker = program.getTypeChecker();
    const source = program.getSourceFile(file);
    const wrong = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    if (wrong.length > 0)
        throw new Error(ts.flattenDiagnosticMessageText(wrong[0].messageText, '\n'));
    const found = {};
    for (const statement of source.statements)
        if (ts.isTypeAliasDeclaration(statement))
            found[names[Number(statement.name.text.slice(1))]] =
                checker.getTypeAtLocation(statement.name);
    return { checker, types: found };
}

const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/* Values against types.  excused(path): a member that the type requires and the wire has not, or null, with a
 * reason; complaints are texts with the path. */
export class Fitter {
    constructor(checker, excused) {
        this.checker = checker;
        this.excused = excused;
        this.extras = new Map(); /* members that the type does not know: path -> how often */
        this.required = new Set(); /* paths of members that were demanded, and there */
    }

    fits(value, type, at) {
        const F = ts.TypeFlags;
        if (type.flags & (F.Any | F.Unknown))
            return [];
        if (type.isUnion())
            return this.#union(value, type, at);
        if (type.isIntersection() && type.types.some((one) => one.flags & (F.StringLike | F.NumberLike)))
            return this.fits(value, type.types.find((one) => one.flags & (F.StringLike | F.NumberLike)), at);
        if (type.flags & F.Null)
            return value === null ? [] : [`${at}: ${typeOf(value)}, not null`];
        if (type.isStringLiteral() || type.isNumberLiteral())
            return value === type.value ? [] : [`${at}: ${JSON.stringify(value)}, not ${JSON.stringify(type.value)}`];
        if (type.flags & F.BooleanLiteral)
            return String(value) === this.checker.typeToString(type) ? [] : [`${at}: ${typeOf(value)}, no such boolean`];
        for (const [flag, name] of [[F.StringLike, 'string'], [F.NumberLike, 'number'], [F.BooleanLike, 'boolean']])
            if (type.flags & flag)
                return typeof value === name ? [] : [`${at}: ${typeOf(value)}, not ${name}`];
        if (type.flags & (F.Undefined | F.Void | F.Never))
            return [`${at}: there is one, where there is to be none`];
        return this.#object(value, type, at);
    }

    #union(value, type, at) {
        let best = null;
        for (const one of type.types) {
            const extras = new Map(this.extras);
            const required = new Set(this.required);
            const complaints = this.fits(value, one, at);
            if (complaints.length === 0)
                return [];
            this.extras = extras;
            this.required = required;
            /* The member that was meant is the one whose tags fit; then the one with the fewest faults. */
            const empty = one.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null);
            const rank = (empty ? 2000 : this.#tagged(value, one) ? 0 : 1000) + complaints.length;
            if (!best || rank < best.rank)
                best = { rank, complaints };
        }
        return best?.complaints ?? [`${at}: fits nothing`];
    }

    #tagged(value, type) {
        return typeOf(value) === 'object' && ['type', 'object', 'role', 'event'].some((tag) => {
            const symbol = type.getProperty?.(tag);
            const of = symbol && this.checker.getTypeOfSymbol(symbol);
            return of?.isStringLiteral() && of.value === value[tag];
        });
    }

    #object(value, type, at) {
        const { checker } = this;
        if (checker.isTupleType(type) || checker.isArrayType(type)) {
            if (!Array.isArray(value))
                return [`${at}: ${typeOf(value)}, not a list`];
            const items = checker.getTypeArguments(type);
            return value.flatMap((item, i) => this.fits(item, items[checker.isTupleType(type) ? i : 0], `${at}[]`));
        }
        if (type.symbol?.name === 'Date')
            return typeof value === 'string' && DATE.test(value) ? [] : [`${at}: no date`];
        if (typeOf(value) !== 'object')
            return [`${at}: ${typeOf(value)}, not an object`];
        return this.#members(value, type, at);
    }

    #members(value, type, at) {
        const { checker } = this;
        const known = new Map(checker.getPropertiesOfType(type).map((symbol) => [symbol.name, symbol]));
        const index = checker.getIndexInfosOfType(type)[0];
        const complaints = [];
        for (const [name, symbol] of known) {
            const here = `${at}.${name}`;
            const of = checker.getTypeOfSymbol(symbol);
            if (checker.getSignaturesOfType(of, ts.SignatureKind.Call).length > 0)
                continue; /* a method of the client's own object */
            if (value[name] === null && this.excused(here, value))
                continue;
            if (Object.hasOwn(value, name))
                complaints.push(...this.fits(value[name], of, here));
            else if (!(symbol.flags & ts.SymbolFlags.Optional) && !this.excused(here, value))
                complaints.push(`${here} is missing`);
            if (Object.hasOwn(value, name) && !(symbol.flags & ts.SymbolFlags.Optional))
                this.required.add(here);
        }
        for (const name of Object.keys(value)) {
            const here = `${at}.${name}`;
            if (!known.has(name) && index)
                complaints.push(...this.fits(value[name], index.type, here));
            else if (!known.has(name))
                this.extras.set(here, (this.extras.get(here) ?? 0) + 1);
        }
        return complaints;
    }
}
