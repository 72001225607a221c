using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace FastRnn.Tests.Support;

/// <summary>What an assembly offers others, as text: every public type with its public and protected members, sorted, almost as C# writes them.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext Nullability = new();

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Header(type)).Append('\n');
            foreach (string member in Members(type).Order(StringComparer.Ordinal))
                text.Append("    ").Append(member).Append('\n');
        }
        return text.ToString();
    }

    private static string Header(Type type)
    {
        string kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsSubclassOf(typeof(Delegate)) ? "delegate"
            : type.IsValueType ? Has(type, "IsReadOnlyAttribute") ? "readonly struct" : "struct"
            : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";
        if (type.GetMethod("PrintMembers", Declared) != null)
            kind = kind.Replace("class", "record", StringComparison.Ordinal).Replace("struct", "record struct", StringComparison.Ordinal);
        IEnumerable<Type> inherited = type.BaseType?.GetInterfaces() ?? [];
        IEnumerable<Type> bases = type.GetInterfaces().Except(inherited).Where(i => i.IsVisible).OrderBy(i => i.Name, StringComparer.Ordinal);
        if (type.IsEnum)
            bases = [Enum.GetUnderlyingType(type)];
        else if (type.BaseType is { } own && own != typeof(object) && own != typeof(ValueType))
            bases = bases.Prepend(own);
        string list = string.Join(", ", bases.Select(b => Name(b)));
        return $"{Attributes(type)}{kind} {type.Namespace}.{Name(type)}{(list.Length > 0 ? " : " + list : "")}{Constraints(type.GetGenericArguments())}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture)}");
        IEnumerable<string> fields = type.GetFields(Declared).Where(f => f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly).Select(Field);
        IEnumerable<string> properties = type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(Visible)).Select(Property);
        IEnumerable<string> events = type.GetEvents(Declared).Where(e => Visible(e.AddMethod!)).Select(e => $"event {Name(e.EventHandlerType!)} {e.Name}");
        IEnumerable<string> constructors = type.GetConstructors(Declared).Where(Visible).Select(c => $"{Access(c)}new({Parameters(c)})");
        // What the compiler writes for records is not repeated; accessors stand with their properties.
        IEnumerable<string> methods = type.GetMethods(Declared).Where(m => Visible(m) && !Has(m, nameof(CompilerGeneratedAttribute))
            && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal))).Select(Method);
        return [.. fields, .. properties, .. events, .. constructors, .. methods];
    }

    private static bool Visible(MethodBase method) => method.IsPublic
        || ((method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType!.IsSealed && method.Name != "Finalize");

    private static string Field(FieldInfo field)
    {
        string kind = field.IsLiteral ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        string value = field.IsLiteral ? " = " + Literal(field.GetRawConstantValue()) : "";
        return $"{Attributes(field)}{(field.IsPublic ? "" : "protected ")}{kind}{Name(field.FieldType, Nullability.Create(field))} {field.Name}{value}";
    }

    private static string Property(PropertyInfo property)
    {
        MethodInfo[] accessors = [.. property.GetAccessors(true).Where(Visible)];
        string list = string.Concat(accessors.Select(a => (accessors.Length > 1 && !a.IsPublic ? Access(a) : "") + (a == property.GetMethod ? "get; "
            : Has(a.ReturnParameter.GetRequiredCustomModifiers(), nameof(IsExternalInit)) ? "init; " : "set; ")));
        string name = property.GetIndexParameters().Length == 0 ? property.Name : $"this[{string.Join(", ", property.GetIndexParameters().Select(Parameter))}]";
        MethodInfo widest = accessors.FirstOrDefault(a => a.IsPublic) ?? accessors[0];
        string required = Has(property, nameof(RequiredMemberAttribute)) ? "required " : "";
        return $"{Attributes(property)}{Access(widest)}{Modifiers(widest)}{required}{Name(property.PropertyType, Nullability.Create(property))} {name} {{ {list}}}";
    }

    private static string Method(MethodInfo method)
    {
        Type[] generic = method.GetGenericArguments();
        string parameters = (Has(method, nameof(ExtensionAttribute)) ? "this " : "") + Parameters(method);
        string type = Name(method.ReturnType, Nullability.Create(method.ReturnParameter));
        return $"{Attributes(method)}{Access(method)}{Modifiers(method)}{type} {method.Name}{Generic(generic)}({parameters}){Constraints(generic)}";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        string kind = parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref "
            : Has(parameter, nameof(ParamArrayAttribute)) || Has(parameter, "ParamCollectionAttribute") ? "params " : "";
        Type type = parameter.ParameterType;
        string value = !parameter.HasDefaultValue ? "" : " = " + (type.IsEnum ? $"{type.Name}.{Enum.ToObject(type, parameter.RawDefaultValue!)}"
            : parameter.RawDefaultValue == null && type.IsValueType && Nullable.GetUnderlyingType(type) == null ? "default" : Literal(parameter.RawDefaultValue));
        return $"{kind}{Name(type.IsByRef ? type.GetElementType()! : type, Nullability.Create(parameter))} {parameter.Name}{value}";
    }

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Modifiers(MethodInfo method) => method.IsStatic ? method.IsAbstract ? "static abstract " : "static "
        : method.DeclaringType!.IsInterface ? "" : method.IsAbstract ? "abstract "
        : method.GetBaseDefinition() != method ? method.IsFinal ? "sealed override " : "override " : method is { IsVirtual: true, IsFinal: false } ? "virtual " : "";

    private static string Attributes(MemberInfo member) => string.Concat(member.GetCustomAttributesData()
        .Where(a => a.AttributeType.Name is "ObsoleteAttribute" or "ExperimentalAttribute" && !member.Name.Contains('.', StringComparison.Ordinal))
        .Select(a => $"[{a.AttributeType.Name[..^9]}({string.Join(", ", a.ConstructorArguments)})] "));

    private static string Constraints(Type[] generic) => string.Concat(generic.Select(g => (g, List: string.Join(", ", g.GetGenericParameterConstraints()
            .Where(c => c != typeof(ValueType)).Select(c => Name(c))
            .Concat(g.GenericParameterAttributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint) ? ["struct"] : (string[])[])
            .Concat(g.GenericParameterAttributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint) ? ["class"] : (string[])[])
            .Order(StringComparer.Ordinal)))).Where(g => g.List.Length > 0).Select(g => $" where {g.g.Name} : {g.List}"));

    private static string Generic(Type[] arguments) => arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments.Select(a => Name(a)))}>";

    /// <summary>A type as C# names it, with the question marks that are known of it.</summary>
    private static string Name(Type type, NullabilityInfo? info = null)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Name(inner) + "?";
        string mark = !type.IsValueType && info?.ReadState == NullabilityState.Nullable ? "?" : "";
        if (type.IsByRef)
            return "ref " + Name(type.GetElementType()!);
        if (type.IsPointer)
            return Name(type.GetElementType()!) + "*";
        if (type.IsArray)
            return $"{Name(type.GetElementType()!, info?.ElementType)}[{new string(',', type.GetArrayRank() - 1)}]{mark}";
        Type[] arguments = type.GetGenericArguments();
        string list = string.Join(", ", arguments.Select((a, i) => Name(a, info?.GenericTypeArguments.ElementAtOrDefault(i))));
        string outer = type is { IsNested: true, IsGenericParameter: false } ? Name(type.DeclaringType!) + "." : "";
        return type.FullName?.StartsWith("System.ValueTuple`", StringComparison.Ordinal) == true ? $"({list})"
            : outer + Alias(type) + (list.Length > 0 ? $"<{list}>" : "") + mark;
    }

    private static string Alias(Type type) => type.IsEnum || type.IsGenericParameter || type.Namespace != "System" ? type.Name.Split('`')[0] : type.Name switch
    {
        "Void" => "void",
        "Single" => "float",
        "Int32" => "int",
        "Int64" => "long",
        "UInt32" => "uint",
        "UInt64" => "ulong",
        "Int16" => "short",
        "UInt16" => "ushort",
        "Boolean" => "bool",
        "Byte" or "SByte" or "Char" or "Double" or "Decimal" or "String" or "Object" => type.Name.ToLowerInvariant(),
        _ => type.Name.Split('`')[0],
    };

    private static string Literal(object? value) => value switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        string s => $"\"{s}\"",
        char c => $"'{c}'",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static bool Has(MemberInfo member, string attribute) => Has(member.GetCustomAttributesData().Select(a => a.AttributeType), attribute);

    private static bool Has(ParameterInfo parameter, string attribute) => Has(parameter.GetCustomAttributesData().Select(a => a.AttributeType), attribute);

    private static bool Has(IEnumerable<Type> types, string name) => types.Any(t => t.Name == name);
}
